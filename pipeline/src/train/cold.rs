//! Where the embedding of a cluster that the model never saw starts, so that it is not noise: from what the catalogue says of it.
//!
//! In this order:
//! 1. its parent's embedding, where the model knows the parent; else the mean of the parent's other clusters;
//! 2. else the mean of the five known clusters that share the most telling words with it (names and keywords, TF-IDF, cosine), weighed by how
//!    similar they are;
//! 3. else, with no word in common with any, the mean of all embeddings with a little noise from the seed.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use rustc_hash::FxHashMap;
use segue::snapshot::catalogue::{Catalogue, Cluster};

/// How many neighbours a new cluster starts from.
const NEIGHBOURS_MAX: usize = 5;
/// The noise on the mean, as a share of the embeddings' own spread: it only tells two unknown clusters apart.
const NOISE_SHARE: f64 = 0.1;

/// The clusters that a model knows, as neighbours of those that it does not.
#[derive(Debug)]
pub struct Neighbours<'a> {
    /// Known clusters: their parent, their words with weights of length 1, their row.
    known: Vec<(&'a Cluster, Words, &'a [f32])>,
    by_id: &'a FxHashMap<u32, &'a [f32]>,
    rarity: BTreeMap<String, f64>,
    seed: u64,
}

/// Words with their weights.
type Words = BTreeMap<String, f64>;

impl<'a> Neighbours<'a> {
    /// The clusters of a catalogue whose rows are known by id.
    pub fn new(catalogue: &'a Catalogue, by_id: &'a FxHashMap<u32, &'a [f32]>, seed: u64) -> Self {
        let rarity = rarity(catalogue);
        let known = catalogue
            .clusters()
            .iter()
            .filter_map(|cluster| by_id.get(&cluster.id).map(|row| (cluster, weighed(cluster, &rarity), *row)));
        Self { known: known.collect(), by_id, rarity, seed }
    }

    /// Where a new cluster's embedding starts.
    pub fn row(&self, cluster: &Cluster) -> Vec<f32> {
        self.of_parent(cluster).or_else(|| self.of_words(cluster)).unwrap_or_else(|| self.of_all(cluster.id))
    }

    fn of_parent(&self, cluster: &Cluster) -> Option<Vec<f32>> {
        let parent = cluster.parent?;
        if let Some(row) = self.by_id.get(&parent) {
            return Some(row.to_vec());
        }
        let children = self.known.iter().filter(|(known, _, _)| known.parent == Some(parent));
        mean(children.map(|(_, _, row)| (1.0, *row)))
    }

    fn of_words(&self, cluster: &Cluster) -> Option<Vec<f32>> {
        let words = weighed(cluster, &self.rarity);
        let mut near: Vec<(f64, &[f32])> =
            self.known.iter().map(|(_, theirs, row)| (similarity(&words, theirs), *row)).collect();
        near.retain(|(similarity, _)| *similarity > 0.0);
        // Stable, so that equal ones stay in the order of the catalogue.
        near.sort_by(|left, right| right.0.total_cmp(&left.0));
        near.truncate(NEIGHBOURS_MAX);
        mean(near.into_iter())
    }

    fn of_all(&self, id: u32) -> Vec<f32> {
        let mut row = mean(self.known.iter().map(|(_, _, row)| (1.0, *row))).unwrap_or_default();
        let deviation = |(_, _, known): &(_, _, &[f32])| {
            known.iter().zip(&row).map(|(one, mean)| f64::from(one - mean).powi(2)).sum::<f64>() / row.len() as f64
        };
        let variance = self.known.iter().map(deviation).sum::<f64>() / self.known.len().max(1) as f64;
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        random.set_stream(u64::from(id));
        if let Ok(noise) = Normal::new(0.0, NOISE_SHARE * variance.sqrt()) {
            row.iter_mut().for_each(|one| *one += noise.sample(&mut random) as f32);
        }
        row
    }
}

/// The weighted mean of rows; `None` of none.
fn mean<'a>(rows: impl Iterator<Item = (f64, &'a [f32])>) -> Option<Vec<f32>> {
    let mut total = 0.0;
    let mut sum: Vec<f64> = Vec::new();
    for (weight, row) in rows {
        sum.resize(row.len(), 0.0);
        total += weight;
        sum.iter_mut().zip(row).for_each(|(sum, one)| *sum += weight * f64::from(*one));
    }
    (total > 0.0).then(|| sum.into_iter().map(|sum| (sum / total) as f32).collect())
}

/// How rare each word is: the logarithm of the number of clusters for each one that has it (Spaerck Jones 1972).
fn rarity(catalogue: &Catalogue) -> Words {
    let mut clusters: BTreeMap<String, f64> = BTreeMap::new();
    for cluster in catalogue.clusters() {
        words(cluster).into_iter().for_each(|word| *clusters.entry(word).or_default() += 1.0);
    }
    let count = catalogue.len() as f64;
    // One more than all, so that a word that all have still counts for a little.
    clusters.into_iter().map(|(word, having)| (word, ((1.0 + count) / having).ln())).collect()
}

fn weighed(cluster: &Cluster, rarity: &Words) -> Words {
    let weight = |word: String| rarity.get(&word).copied().map(|weight| (word, weight));
    let weighed: Words = words(cluster).into_iter().filter_map(weight).collect();
    let length = weighed.values().map(|weight| weight * weight).sum::<f64>().sqrt();
    weighed.into_iter().map(|(word, weight)| (word, weight / length)).collect()
}

fn words(cluster: &Cluster) -> BTreeSet<String> {
    let texts = cluster.keywords.iter().chain([&cluster.name]);
    let words = texts.flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric()));
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

fn similarity(left: &Words, right: &Words) -> f64 {
    left.iter().filter_map(|(word, weight)| right.get(word).map(|other| weight * other)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [[f32; 3]; 4] = [[1.0, 0.0, 0.0], [0.9, 0.1, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

    fn cluster(id: u32, name: &str, parent: Option<u32>) -> Cluster {
        let keywords = name.split(' ').map(str::to_owned).collect();
        Cluster { id, name: name.to_owned(), keywords, parent }
    }

    /// Clusters 0 to 3 are known, and what is asked is not.
    fn start(asked: Cluster) -> Vec<f32> {
        let mut clusters = vec![
            cluster(0, "red mug", None),
            cluster(1, "blue Mug", None),
            cluster(2, "garden lamp", Some(77)),
            cluster(3, "felt rabbit", Some(77)),
        ];
        clusters.push(asked.clone());
        let catalogue = Catalogue::new(clusters).unwrap();
        let known = (0..).zip(ROWS.iter().map(|row| &row[..])).collect();
        Neighbours::new(&catalogue, &known, 1).row(&asked)
    }

    #[test]
    fn starts_from_parent_or_siblings_or_words() {
        let cases = [
            (cluster(9, "green mug", Some(3)), vec![0.0, 0.0, 1.0]),
            (cluster(9, "green mug", Some(77)), vec![0.0, 0.5, 0.5]),
            (cluster(9, "green mug", None), vec![0.95, 0.05, 0.0]),
            (cluster(9, "large rabbit", Some(500)), vec![0.0, 0.0, 1.0]),
        ];
        for (asked, expected) in cases {
            let row = start(asked.clone());
            let near = row.iter().zip(&expected).all(|(one, expected)| (one - expected).abs() < 1e-6);
            assert!(near, "{asked:?}: {row:?}, expected {expected:?}");
        }
    }

    #[test]
    fn a_new_cluster_lies_nearer_to_its_neighbours_than_to_others() {
        let row = start(cluster(9, "mug rabbit red", None));
        let distance = |to: &[f32; 3]| row.iter().zip(to).map(|(one, other)| (one - other).powi(2)).sum::<f32>();
        assert!(distance(&ROWS[0]) < distance(&ROWS[2]), "{row:?}");
    }

    #[test]
    fn without_a_word_in_common_it_is_the_mean_and_no_two_are_alike() {
        let (one, other) = (start(cluster(8, "xyzzy", None)), start(cluster(9, "plugh", None)));
        assert_ne!(one, other);
        let mean = [0.475, 0.275, 0.25];
        assert!(one.iter().zip(mean).all(|(one, mean)| (one - mean).abs() < 0.2), "{one:?}");
        assert_eq!(one, start(cluster(8, "xyzzy", None)));
    }
}
