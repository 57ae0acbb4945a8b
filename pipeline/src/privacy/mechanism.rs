//! The two mechanisms as OpenDP makes them, and what it says they lose.
//!
//! It must never compute a loss of its own: the library's maps say it.

use std::collections::HashMap;
use std::hash::Hash;

use opendp::core::Measurement;
use opendp::domains::{AtomDomain, MapDomain, VectorDomain};
use opendp::error::Fallible;
use opendp::measurements::{make_laplace, make_laplace_threshold};
use opendp::measures::{Approximate, MaxDivergence};
use opendp::metrics::{AbsoluteDistance, L0PInfDistance, L1Distance};

use crate::decay::WEIGHT_ONE;

/// The highest threshold that is tried, in days of users.
const THRESHOLD_MAX: i64 = 1 << 40;

type Rows = MapDomain<AtomDomain<u64>, AtomDomain<i64>>;
type RowsDistance = L0PInfDistance<1, AbsoluteDistance<i64>>;
type Thresholded = Measurement<Rows, RowsDistance, Approximate<MaxDivergence>, HashMap<u64, i64>>;
type Numbers = VectorDomain<AtomDomain<i64>>;
type Noised = Measurement<Numbers, L1Distance<i64>, MaxDivergence, Vec<i64>>;

/// Laplace noise on a histogram whose rows are themselves secret, with a threshold below which they do not show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Histogram {
    /// Rows that one user's day changes, each by one.
    pub sensitivity: u32,
    /// The noise's scale.
    pub scale: f64,
    /// Rows show from it on.
    pub threshold: i64,
}

/// Laplace noise on weights whose rows are known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vector {
    /// Steps by which one user's day changes the weights, in all.
    pub sensitivity: u32,
    /// The noise's scale, in units of [`WEIGHT_ONE`].
    pub scale_units: f64,
}

impl Histogram {
    /// With the least threshold at which the library's loss is within `epsilon` and `delta`.
    pub fn new(epsilon: f64, delta: f64, sensitivity: u32) -> Fallible<Self> {
        let histogram = |threshold| Self { sensitivity, scale: f64::from(sensitivity) / epsilon, threshold };
        let (mut low, mut high) = (1, THRESHOLD_MAX);
        while low < high {
            let middle = low + (high - low) / 2;
            let enough = histogram(middle).loss()?.1 <= delta;
            if enough { high = middle } else { low = middle + 1 }
        }
        Ok(histogram(high))
    }

    /// The same with a threshold that is `by` higher: rows with so many more show as seldom as those with one.
    pub fn raised(self, by: u32) -> Fallible<Self> {
        Ok(Self { threshold: self.threshold + i64::from(by), ..self })
    }

    /// What one user's day loses: epsilon and delta.
    pub fn loss(&self) -> Fallible<(f64, f64)> {
        self.measurement()?.map(&(self.sensitivity, i64::from(self.sensitivity), 1))
    }

    /// The rows that show, with noise.
    pub fn draw<K: Copy + Eq + Hash + Ord>(&self, rows: &HashMap<K, i64>) -> Fallible<HashMap<K, i64>> {
        // Sorted, so that the numbers stand for the rows in no order that says anything.
        let mut keys: Vec<K> = rows.keys().copied().collect();
        keys.sort_unstable();
        let numbered = (0..).zip(&keys).map(|(number, key)| (number, rows[key])).collect();
        let shown = self.measurement()?.invoke(&numbered)?;
        Ok(shown.into_iter().map(|(number, value)| (keys[number as usize], value)).collect())
    }

    fn measurement(&self) -> Fallible<Thresholded> {
        let domain = MapDomain::new(AtomDomain::default(), AtomDomain::default());
        make_laplace_threshold(domain, L0PInfDistance(AbsoluteDistance::default()), self.scale, self.threshold, None)
    }
}

impl Vector {
    /// Within `epsilon`.
    pub fn new(epsilon: f64, sensitivity: u32) -> Fallible<Self> {
        Ok(Self { sensitivity, scale_units: f64::from(sensitivity) * WEIGHT_ONE as f64 / epsilon })
    }

    /// What one user's day loses: epsilon.
    pub fn loss(&self) -> Fallible<f64> {
        self.measurement()?.map(&(i64::from(self.sensitivity) * WEIGHT_ONE.cast_signed()))
    }

    /// The weights with noise.
    pub fn draw(&self, weights: &Vec<i64>) -> Fallible<Vec<i64>> {
        self.measurement()?.invoke(weights)
    }

    fn measurement(&self) -> Fallible<Noised> {
        let domain = VectorDomain::new(AtomDomain::default());
        make_laplace(domain, L1Distance::default(), self.scale_units, None)
    }
}
