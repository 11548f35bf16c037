//! Which detection belongs to which face.

/// A face (`track`) and a detection that may belong together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub track: usize,
    pub detection: usize,
    /// How well they fit, the higher the better.
    pub score: f32,
}

/// Whether another pair has the same face or the same detection.
pub(super) fn is_ambiguous(pairs: &[Pair], pair: &Pair) -> bool {
    pairs
        .iter()
        .any(|other| (other.track == pair.track) != (other.detection == pair.detection))
}

/// Takes the best fitting pair, then the best one of those that are left, and so on: each
/// face and each detection is in one pair at most. Equal scores are taken in the order of
/// the faces.
pub(super) fn best_first(mut pairs: Vec<Pair>) -> Vec<(usize, usize)> {
    pairs.sort_by(|a, b| {
        let by_score = b.score.total_cmp(&a.score);
        by_score.then((a.track, a.detection).cmp(&(b.track, b.detection)))
    });
    let mut taken: Vec<(usize, usize)> = Vec::new();
    for pair in pairs {
        if !taken
            .iter()
            .any(|&(track, detection)| track == pair.track || detection == pair.detection)
        {
            taken.push((pair.track, pair.detection));
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_given_once_the_best_first() {
        let pair = |track, detection, score| Pair {
            track,
            detection,
            score,
        };
        let pairs = vec![
            pair(0, 0, 0.5),
            pair(0, 1, 0.4),
            pair(1, 0, 0.9),
            pair(1, 1, 0.8),
        ];
        assert!(is_ambiguous(&pairs, &pairs[0]));
        assert_eq!(best_first(pairs), [(1, 0), (0, 1)]);
        let lone = [pair(3, 2, 0.1)];
        assert!(!is_ambiguous(&lone, &lone[0]));
    }
}
