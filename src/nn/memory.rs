//! Where each value lies while a network runs.

/// What is known of the values of a network.
pub struct Use {
    /// Values a picture.
    pub len: usize,
    /// Step that writes it; `None` for what is there before the first.
    pub written: Option<usize>,
    /// Last step that reads it; past the last one for results.
    pub read: usize,
}

/// A slot for each value, so that none lies in the slot of another one that is still wanted, and
/// how large each slot must be, in values a picture.
pub fn assign(uses: &[Use]) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..uses.len()).collect();
    // What is there before the first step comes first.
    order.sort_by_key(|i| uses[*i].written.map_or(0, |step| step + 1));
    let mut slots = vec![0; uses.len()];
    let mut sizes: Vec<usize> = Vec::new();
    let mut busy_until: Vec<usize> = Vec::new();
    for i in order {
        let value = &uses[i];
        let free = |slot: &usize| value.written.is_some_and(|step| busy_until[*slot] < step);
        // The free slot that fits best.
        let best = (0..sizes.len())
            .filter(free)
            .min_by_key(|slot| sizes[*slot].abs_diff(value.len));
        let slot = best.unwrap_or_else(|| {
            sizes.push(0);
            busy_until.push(0);
            sizes.len() - 1
        });
        sizes[slot] = sizes[slot].max(value.len);
        busy_until[slot] = value.read.max(value.written.unwrap_or(0));
        slots[i] = slot;
    }
    (slots, sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_overwrites_one_that_is_wanted() {
        let value = |len, written, read| Use { len, written, read };
        // A chain with a value that is read again at its end.
        let uses = [
            value(10, None, 0),
            value(20, Some(0), 3),
            value(5, Some(1), 2),
            value(10, Some(2), 3),
            value(1, Some(3), 4),
        ];
        let (slots, sizes) = assign(&uses);
        for (i, a) in uses.iter().enumerate() {
            assert!(sizes[slots[i]] >= a.len);
            for (j, b) in uses.iter().enumerate().skip(i + 1) {
                let begins = b.written.map_or(0, |s| s);
                let overlap = a.read >= begins && b.read >= a.written.unwrap_or(0);
                assert!(!overlap || slots[i] != slots[j], "{i} {j}");
            }
        }
        assert!(sizes.len() < uses.len());
    }
}
