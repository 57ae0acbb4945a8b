//! The learning rate by step: a linear rise, then half a cosine down (Loshchilov and Hutter 2017).

/// The share of the highest rate that is left at the end.
const END_SHARE: f64 = 0.05;

/// A rate for each step of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The highest rate.
    pub peak: f64,
    /// Steps in all.
    pub steps: u64,
    /// Steps of the rise.
    pub warmup_steps: u64,
}

impl Schedule {
    /// A rise over a share of the steps, at least one step long.
    pub fn new(peak: f64, steps: u64, warmup_share: f64) -> Self {
        Self { peak, steps, warmup_steps: ((steps as f64 * warmup_share) as u64).max(1) }
    }

    /// The rate of a step, counted from 0.
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warmup_steps {
            return self.peak * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let left = self.steps.saturating_sub(self.warmup_steps).max(1) as f64;
        let gone = ((step - self.warmup_steps) as f64 / left).min(1.0);
        let share = 0.5 * (1.0 + (std::f64::consts::PI * gone).cos());
        self.peak * (END_SHARE + (1.0 - END_SHARE) * share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_and_falls() {
        let schedule = Schedule::new(2.0, 110, 0.1);
        let expected = [(0, 2.0 / 11.0), (10, 2.0), (11, 2.0), (110, 0.1), (500, 0.1)];
        for (step, rate) in expected {
            assert!((schedule.rate(step) - rate).abs() < 1e-9, "{step}: {}", schedule.rate(step));
        }
        assert!((11..110).all(|step| schedule.rate(step + 1) < schedule.rate(step)));
    }
}
