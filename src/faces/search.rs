//! When the detector looks at the whole picture in further views, for faces that it does not
//! see as it usually looks. They cost several times as much as the usual look, so they are
//! spent where nothing is known.

use std::ops::Range;

/// Scans of the whole picture for one in a further view, while faces are known or nothing
/// happens.
const NOW_AND_THEN: u32 = 3;
/// The longest pause between two rounds that find nothing, in intervals between scans.
const LONGEST_PAUSE: u32 = 4;

/// The further views to look at in a frame.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Further {
    /// In groups; when one of them shows a face, those after it are not looked at.
    pub groups: Vec<Range<usize>>,
    /// Whether they are a round, or a part of one.
    pub round: bool,
}

impl Further {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// What has been looked at.
#[derive(Debug)]
pub(super) struct Search {
    groups: Vec<Range<usize>>,
    /// The view at which a round is; `None` between two rounds.
    at: Option<usize>,
    /// Frames since a round ended, and those for which the next one waits.
    since: u32,
    pause: u32,
    /// Scans of the whole picture since one in a further view.
    scans: u32,
    /// The view that is next now and then.
    turn: usize,
}

impl Search {
    /// For a detector with these further views.
    pub fn new(groups: Vec<Range<usize>>) -> Self {
        Self {
            turn: groups.first().map_or(0, |group| group.start),
            groups,
            at: None,
            since: 0,
            pause: 0,
            scans: 0,
        }
    }

    fn views(&self) -> Range<usize> {
        match (self.groups.first(), self.groups.last()) {
            (Some(first), Some(last)) => first.start..last.end,
            _ => 0..0,
        }
    }

    /// The views, other than `own`, near a face that was missed `missed` times: a few, other
    /// ones each time. `inside` says that the face lies well inside of the picture, and so needs
    /// no border.
    pub fn others(&self, own: usize, missed: u32, inside: bool) -> Vec<usize> {
        /// Views for a face in a frame.
        const A_LOOK: usize = 2;
        let first = usize::from(inside && !self.views().is_empty());
        let all = std::iter::once(0).chain(self.views().skip(first));
        let others: Vec<usize> = all.filter(|view| *view != own).collect();
        let start = missed as usize * A_LOOK;
        let count = A_LOOK.min(others.len());
        (0..count)
            .map(|i| others[(start + i) % others.len()])
            .collect()
    }

    /// Has the next round begin without a pause, as in a new scene.
    pub fn hurry(&mut self) {
        self.at = None;
        self.pause = 0;
    }

    /// What to look at in a frame. `nothing` says that no face is known, `happened` that there
    /// is reason to believe that one could be there now, `whole` that the whole picture is
    /// scanned, and `at_once` that a round need not be spread over frames.
    pub fn plan(&mut self, nothing: bool, happened: bool, whole: bool, at_once: bool) -> Further {
        self.since = self.since.saturating_add(1);
        let begins = nothing && happened && self.since >= self.pause;
        if begins && at_once {
            return Further {
                groups: self.groups.clone(),
                round: true,
            };
        }
        let first = self.views().start;
        let at = if nothing {
            self.at.or(begins.then_some(first))
        } else {
            self.at = None;
            None
        };
        let one = |view: usize| vec![view..view + 1];
        let views = self.views();
        match at {
            Some(view) if views.contains(&view) => Further {
                groups: one(view),
                round: true,
            },
            _ if whole && self.scans + 1 >= NOW_AND_THEN && !views.is_empty() => Further {
                groups: one(self.turn),
                round: false,
            },
            _ => Further::default(),
        }
    }

    /// Notes that a scan has been begun in which those views are looked at; `interval` frames
    /// lie between two scans of the whole picture.
    pub fn looked(&mut self, further: &Further, whole: bool, interval: u32) {
        let views = self.views();
        self.scans += u32::from(whole);
        let Some(last) = further.groups.last() else {
            return;
        };
        let next = last.end;
        if !further.round {
            self.scans = 0;
            self.turn = if views.contains(&next) {
                next
            } else {
                views.start
            };
        } else if views.contains(&next) {
            self.at = Some(next);
        } else {
            self.at = None;
            self.since = 0;
            let longest = LONGEST_PAUSE.saturating_mul(interval);
            self.pause = self.pause.saturating_mul(2).clamp(interval, longest);
        }
    }

    /// Notes that a face is known.
    pub fn found(&mut self) {
        self.pause = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: u32 = 15;

    /// Views looked at in each of `frames` frames of a picture in which something always
    /// happens and no face is found.
    fn looks(search: &mut Search, frames: u32) -> Vec<usize> {
        let mut looks = Vec::new();
        for frame in 0..frames {
            let whole = frame % INTERVAL == 0;
            let further = search.plan(true, true, whole, false);
            search.looked(&further, whole, INTERVAL);
            looks.push(further.groups.iter().map(Range::len).sum());
        }
        looks
    }

    #[test]
    fn all_views_are_seen_in_half_a_second_and_a_restless_picture_without_faces_gets_cheap() {
        let mut search = Search::new(vec![1..2, 2..3, 3..7, 7..9]);
        let looks = looks(&mut search, 600);
        assert_eq!(looks[..8].iter().sum::<usize>(), 8, "{looks:?}");
        let later: usize = looks[300..].iter().sum();
        assert!(later < 300 / 5, "{later}");
    }

    #[test]
    fn a_known_face_leaves_one_view_in_some_scans() {
        let mut search = Search::new(vec![1..2, 2..4]);
        let mut seen = Vec::new();
        for frame in 0..15 * INTERVAL {
            let whole = frame % INTERVAL == 0;
            let further = search.plan(false, true, whole, true);
            search.looked(&further, whole, INTERVAL);
            seen.extend(further.groups);
        }
        assert_eq!(seen, [1..2, 2..3, 3..4, 1..2, 2..3]);
    }

    #[test]
    fn where_frames_may_wait_a_round_is_looked_at_at_once() {
        let groups = vec![1..2, 2..4];
        let mut search = Search::new(groups.clone());
        let further = search.plan(true, true, true, true);
        assert_eq!(further.groups, groups);
        search.looked(&further, true, INTERVAL);
        assert!(search.plan(true, true, false, true).is_empty());
        search.hurry();
        assert_eq!(search.plan(true, true, false, true).groups, groups);
    }

    #[test]
    fn a_missed_face_is_looked_for_in_every_other_view_in_turn() {
        let search = Search::new(vec![1..2, 2..3, 3..7]);
        let mut seen: Vec<usize> = (4..7).flat_map(|n| search.others(3, n, true)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [0, 2, 4, 5, 6]);
        assert!(search.others(0, 0, false).contains(&1));
        assert!(Search::new(Vec::new()).others(0, 5, true).is_empty());
    }
}
