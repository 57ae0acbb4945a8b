//! Dropout whose mask is a function of its key, so that it is neither stored nor drawn: the derivative asks for it again.

use super::vector::widest;

/// Sets a share of elements to zero and scales the others up by as much.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// The share, in [0, 1).
    pub rate: f32,
    /// Tells this mask from every other.
    pub key: u32,
}

impl Dropout {
    /// The same rate with a mask for one place of the network.
    #[must_use]
    pub fn at(self, place: u32) -> Self {
        Self { key: mix(self.key ^ place.wrapping_mul(0x9e37_79b9)), ..self }
    }

    /// `into += mask(from)`.
    pub fn add(self, into: &mut [f32], from: &[f32]) {
        if self.rate == 0.0 {
            return widest(
                #[inline(always)]
                || super::vector::add(into, from),
            );
        }
        let (bound, scale) = self.bound_and_scale();
        widest(
            #[inline(always)]
            || {
                for ((into, from), at) in into.iter_mut().zip(from).zip(0..) {
                    *into += if self.bits(at) < bound { 0.0 } else { from * scale };
                }
            },
        );
    }

    /// `into = mask(from)`.
    pub fn copy(self, into: &mut [f32], from: &[f32]) {
        into.copy_from_slice(from);
        self.apply(into);
    }

    /// `values = mask(values)`.
    pub fn apply(self, values: &mut [f32]) {
        if self.rate == 0.0 {
            return;
        }
        let (bound, scale) = self.bound_and_scale();
        widest(
            #[inline(always)]
            || {
                for (value, at) in values.iter_mut().zip(0..) {
                    *value = if self.bits(at) < bound { 0.0 } else { *value * scale };
                }
            },
        );
    }

    fn bound_and_scale(self) -> (u32, f32) {
        ((f64::from(self.rate) * f64::from(u32::MAX)) as u32, 1.0 / (1.0 - self.rate))
    }

    #[inline(always)]
    fn bits(self, at: u32) -> u32 {
        mix(at.wrapping_mul(0x9e37_79b9) ^ self.key)
    }
}

/// Spreads every bit of its argument over all bits (the finaliser of Wellons' `lowbias32`).
#[inline(always)]
pub fn mix(mut bits: u32) -> u32 {
    bits = (bits ^ (bits >> 16)).wrapping_mul(0x7feb_352d);
    bits = (bits ^ (bits >> 15)).wrapping_mul(0x846c_a68b);
    bits ^ (bits >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_its_share_and_keeps_the_mean() {
        let dropout = Dropout { rate: 0.3, key: 7 };
        let mut values = vec![1.0; 100_000];
        dropout.apply(&mut values);
        let dropped = values.iter().filter(|value| **value == 0.0).count() as f64 / 1e5;
        let mean = values.iter().sum::<f32>() / 1e5;
        assert!((dropped - 0.3).abs() < 0.01 && (mean - 1.0).abs() < 0.01, "{dropped} {mean}");
        let mut others = vec![1.0; 100_000];
        dropout.at(1).apply(&mut others);
        let both =
            values.iter().zip(&others).filter(|(one, other)| **one == 0.0 && **other == 0.0).count() as f64 / 1e5;
        assert!((both - 0.09).abs() < 0.01, "{both}: the masks of two places are not independent");
    }
}
