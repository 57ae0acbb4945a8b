//! Finds clusters by what a person has typed so far: the start of a name, of a keyword, or an id. Pure, and in the
//! same order for the same catalogue.

use crate::snapshot::catalogue::{Catalogue, Cluster};

/// How well a word fits, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Id,
    NameStart,
    NameWord,
    KeywordStart,
    Within,
}

/// The clusters that hold every word of `query`, best first, at most `limit`; ties stand in the order of their ids.
/// An empty query gives the first of the catalogue.
pub fn complete<'c>(catalogue: &'c Catalogue, query: &str, limit: usize) -> Vec<&'c Cluster> {
    let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
    let fitting = |cluster: &'c Cluster| Some((fit_of_all(cluster, &words)?, cluster));
    let mut found: Vec<_> = catalogue.clusters().iter().filter_map(fitting).collect();
    // Stable, so that ids stay ascending among equals.
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found.into_iter().take(limit).map(|(_, cluster)| cluster).collect()
}

/// The fits of all words together, the worst first; `None` where one is not there.
fn fit_of_all(cluster: &Cluster, words: &[String]) -> Option<Vec<Fit>> {
    let (name, keywords) = (cluster.name.to_lowercase(), cluster.keywords.join("\n").to_lowercase());
    let mut fits: Vec<Fit> = words.iter().map(|word| fit(cluster.id, &name, &keywords, word)).collect::<Option<_>>()?;
    fits.sort_unstable_by(|one, other| other.cmp(one));
    Some(fits)
}

fn fit(id: u32, name: &str, keywords: &str, word: &str) -> Option<Fit> {
    let starts_a_word =
        |text: &str| text.split(|letter: char| !letter.is_alphanumeric()).any(|at| at.starts_with(word));
    let rows = [
        (word.parse() == Ok(id), Fit::Id),
        (name.starts_with(word), Fit::NameStart),
        (starts_a_word(name), Fit::NameWord),
        (keywords.lines().any(|keyword| keyword.starts_with(word)), Fit::KeywordStart),
        (name.contains(word) || keywords.contains(word), Fit::Within),
    ];
    rows.into_iter().find(|(fits, _)| *fits).map(|(_, fit)| fit)
}

#[cfg(test)]
mod tests {
    use super::complete;
    use crate::snapshot::catalogue::{Catalogue, Cluster};

    #[test]
    fn what_is_typed_finds_clusters_best_first() {
        let cluster = |id, name: &str, keywords: &[&str]| Cluster {
            id,
            name: name.to_owned(),
            keywords: keywords.iter().map(|&word| word.to_owned()).collect(),
            parent: None,
        };
        let clusters = vec![
            cluster(1, "Steady hands", &["yoga"]),
            cluster(2, "Garden tea lights", &["candle", "12 pieces"]),
            cluster(3, "Tea towels", &["kitchen"]),
            cluster(12, "Kitchen", &["teapot", "pan"]),
        ];
        let catalogue = Catalogue::new(clusters).expect("distinct ids");
        let rows: [(&str, &[u32]); 8] = [
            ("", &[1, 2, 3]),
            ("tea", &[3, 2, 12]),
            ("TEA  k", &[3, 12]),
            ("12", &[12, 2]),
            ("andle", &[2]),
            ("tea candle", &[2]),
            ("sofa", &[]),
            ("tea sofa", &[]),
        ];
        for (query, expected) in rows {
            let found: Vec<u32> = complete(&catalogue, query, 3).iter().map(|cluster| cluster.id).collect();
            assert_eq!(found, expected, "{query:?}");
        }
    }
}
