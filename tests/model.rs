//! A model's files and answers: what is written loads and answers as the network does; what is damaged never serves.

mod support;

use segue::model::Model;
use segue::model::engine::Precision;
use segue::model::prompt::Context;
use segue::model::rank::{Question, Working};
use segue::snapshot::manifest::Version;
use support::model::publish;
use tempfile::TempDir;

fn catalogue() -> Version {
    "catalogue-1".parse().expect("a version name")
}

#[test]
fn what_is_written_loads_and_answers() {
    let dir = TempDir::new().expect("a temporary directory");
    let published = publish(dir.path(), &catalogue(), 40, 1);
    let model = Model::load(&published.path, Precision::Full).expect("just written");
    assert_eq!(*model.manifest(), published.manifest);
    let context = Context { matched: 1, continuations: vec![(3, 0.4), (5, 0.1)] };
    let question = Question { history: &[1, 2], context: &context };
    let answers = model.answer(&mut Working::default(), &[question], 5);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].len(), 5);
    assert!(answers[0].iter().all(|(index, _)| ![1, 2].contains(index)));
    assert!(answers[0].is_sorted_by(|above, below| above.1 >= below.1), "{answers:?}");
}
