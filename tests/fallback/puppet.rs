//! A model's arithmetic that begins when it is told to, and ends as it is told to; it must hold no test.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use segue::model::Model;
use segue::model::rank::{Question, Ranked, Working};
use segue::model::worker::{Compute, EngineCompute};

use crate::support::caller::PATIENCE;

/// How a computation ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deed {
    /// With the engine's answer.
    Answer,
    /// With a panic.
    Panic,
    /// With numbers that are none.
    Nonsense,
}

/// The arithmetic. Each computation says what it is asked, and waits for its deed.
pub(crate) struct Puppet {
    began: Mutex<Sender<Vec<Vec<u32>>>>,
    deeds: Mutex<Receiver<Deed>>,
}

/// Who tells it.
pub(crate) struct Strings {
    began: Receiver<Vec<Vec<u32>>>,
    deeds: Sender<Deed>,
}

pub(crate) fn puppet() -> (Puppet, Strings) {
    let ((began, begun), (deeds, told)) = (channel(), channel());
    (Puppet { began: Mutex::new(began), deeds: Mutex::new(told) }, Strings { began: begun, deeds })
}

impl Compute for Puppet {
    fn answer(&self, model: &Model, working: &mut Working, questions: &[Question<'_>]) -> Vec<Ranked> {
        let histories = questions.iter().map(|question| question.history.to_vec()).collect();
        // A test that has ended needs neither.
        let _ = self.began.lock().expect("nobody panics with it").send(histories);
        let deed = self.deeds.lock().expect("nobody panics with it").recv();
        match deed.unwrap_or(Deed::Answer) {
            Deed::Answer => EngineCompute.answer(model, working, questions),
            Deed::Panic => panic!("told to"),
            Deed::Nonsense => vec![Ranked::new(); questions.len()],
        }
    }
}

impl Strings {
    /// Waits until a computation begins; gives the histories that it is asked about, as indexes.
    pub(crate) fn begun(&self) -> Vec<Vec<u32>> {
        self.began.recv_timeout(PATIENCE).expect("a computation begins")
    }

    /// Ends one computation.
    pub(crate) fn end(&self, deed: Deed) {
        self.deeds.send(deed).expect("the pool is there");
    }

    /// Computations that have begun since they were last looked at.
    pub(crate) fn count(&self) -> usize {
        self.began.try_iter().count()
    }
}
