//! Sorts numbers by some of their bits, digit by digit, from the lowest: several times as fast as comparing where few bits differ.

/// Bits of a digit at most: its counts stay in the fastest cache.
const DIGIT_BITS_MAX: u32 = 11;

/// Fewer numbers than this are compared.
const COUNT_MIN: usize = 512;

/// Sorts by the bits from `from` up. Numbers that differ only below it end up in any order.
pub(super) fn sort(numbers: &mut Vec<u64>, from: u32, scratch: &mut Vec<u64>) {
    if numbers.len() < COUNT_MIN {
        return numbers.sort_unstable();
    }
    let differing = numbers.iter().fold(0, |bits, number| bits | (number ^ numbers[0])) >> from;
    let bits = u64::BITS - differing.leading_zeros();
    let digits = bits.div_ceil(DIGIT_BITS_MAX);
    let width = bits.div_ceil(digits.max(1));
    scratch.resize(numbers.len(), 0);
    for digit in 0..digits {
        pass(numbers, scratch, (from + digit * width, width));
        std::mem::swap(numbers, scratch);
    }
}

/// Copies numbers by one digit; equal digits keep their order.
fn pass(numbers: &[u64], into: &mut [u64], (from, width): (u32, u32)) {
    let digit = |number: u64| (number >> from) as usize & ((1 << width) - 1);
    let mut places = vec![0; 1 << width];
    numbers.iter().for_each(|number| places[digit(*number)] += 1);
    let mut next = 0;
    for place in &mut places {
        next += std::mem::replace(place, next);
    }
    for number in numbers {
        let place = &mut places[digit(*number)];
        into[*place] = *number;
        *place += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorts_by_the_bits_asked_for(
            low in prop::collection::vec(0..1_u64 << 40, 0..2_000), high in 0..1_u64 << 20, from in 0..12_u32,
        ) {
            let mut numbers: Vec<u64> = low.iter().map(|low| high << 44 | low).collect();
            let mut expected = numbers.clone();
            sort(&mut numbers, from, &mut Vec::new());
            prop_assert!(numbers.is_sorted_by_key(|number| number >> from));
            expected.sort_unstable();
            numbers.sort_unstable();
            prop_assert_eq!(numbers, expected);
        }
    }
}
