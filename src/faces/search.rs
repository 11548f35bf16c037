//! When the detector looks at the whole picture in further views, for faces that it does not
//! see as it usually looks. They cost several times as much as the usual look, so they are
//! spent where nothing is known.

use std::ops::Range;

/// Scans of the whole picture for one in a further view, while faces are known or nothing
/// happens.
const NOW_AND_THEN: u32 = 4;
/// The longest pause between two rounds that find nothing, in intervals between scans.
const LONGEST_PAUSE: u32 = 4;

/// The further views to look at in a frame.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Further {
    /// In groups. The first one of a round is looked at in any case; when a face is seen, those
    /// after it are not.
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

/// What there is to be known of a frame.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Now {
    /// No face is known.
    pub nothing: bool,
    /// A face was lost.
    pub lost: bool,
    /// There is reason to believe that a face could be there that was not before.
    pub happened: bool,
    /// The whole picture is scanned.
    pub whole: bool,
    /// A round need not be spread over frames.
    pub at_once: bool,
}

/// What has been looked at.
#[derive(Debug)]
pub(super) struct Search {
    groups: Vec<Range<usize>>,
    /// The view at which a round is; `None` between two rounds.
    at: Option<usize>,
    /// Whether that round is for a face that was lost, and goes on though others are known.
    for_lost: bool,
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
            for_lost: false,
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

    /// The views, other than `own`, near a face that was missed in `missed` looks: a few, other
    /// ones each time.
    pub fn others(&self, own: usize, missed: u32) -> Vec<usize> {
        /// Views for a face in a frame.
        const A_LOOK: usize = 2;
        let others = self.all_others(own);
        let start = missed as usize * A_LOOK;
        let count = A_LOOK.min(others.len());
        (0..count)
            .map(|i| others[(start + i) % others.len()])
            .collect()
    }

    /// All views but `own`.
    pub fn all_others(&self, own: usize) -> Vec<usize> {
        let all = std::iter::once(0).chain(self.views());
        all.filter(|view| *view != own).collect()
    }

    /// Has the next round begin without a pause, as in a new scene.
    pub fn hurry(&mut self) {
        self.at = None;
        self.pause = 0;
        // A new scene's second scan is the first one with a further view.
        self.scans = NOW_AND_THEN - 2;
        self.turn = self.views().start;
    }

    /// What to look at in a frame.
    pub fn plan(&mut self, now: &Now) -> Further {
        self.since = self.since.saturating_add(1);
        let reason = (now.nothing && now.happened) || now.lost;
        let begins = reason && self.since >= self.pause;
        if begins && now.nothing && now.at_once {
            return Further {
                groups: self.groups.clone(),
                round: true,
            };
        }
        if begins && self.at.is_none() {
            self.at = Some(self.views().start);
            self.for_lost = now.lost;
        } else if !now.nothing && !self.for_lost {
            self.at = None;
        }
        let one = |view: usize| std::iter::once(view..view + 1).collect();
        let views = self.views();
        match self.at {
            Some(view) if views.contains(&view) => Further {
                groups: one(view),
                round: true,
            },
            _ if now.whole && self.scans + 1 >= NOW_AND_THEN && !views.is_empty() => Further {
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

    /// Notes that a new face is known.
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
            let further = search.plan(&Now {
                nothing: true,
                happened: true,
                whole,
                ..Now::default()
            });
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
        for frame in 0..25 * INTERVAL {
            let whole = frame % INTERVAL == 0;
            let further = search.plan(&Now {
                happened: true,
                whole,
                ..Now::default()
            });
            search.looked(&further, whole, INTERVAL);
            seen.extend(further.groups);
        }
        assert_eq!(seen, [1..2, 2..3, 3..4, 1..2, 2..3, 3..4]);
    }

    #[test]
    fn where_frames_may_wait_a_round_is_looked_at_at_once() {
        let groups = vec![1..2, 2..4];
        let mut search = Search::new(groups.clone());
        let now = Now {
            nothing: true,
            happened: true,
            at_once: true,
            ..Now::default()
        };
        let further = search.plan(&now);
        assert_eq!(further.groups, groups);
        search.looked(&further, true, INTERVAL);
        assert!(search.plan(&now).is_empty());
        search.hurry();
        assert_eq!(search.plan(&now).groups, groups);
    }

    #[test]
    fn a_lost_face_is_looked_for_though_others_are_known() {
        let mut search = Search::new(vec![1..2, 2..4]);
        let mut seen = Vec::new();
        for frame in 0..6 {
            let lost = frame == 0;
            let further = search.plan(&Now {
                lost,
                ..Now::default()
            });
            search.looked(&further, false, INTERVAL);
            seen.extend(further.groups);
        }
        assert_eq!(seen, [1..2, 2..3, 3..4]);
    }

    #[test]
    fn a_missed_face_is_looked_for_in_every_other_view_in_turn() {
        let search = Search::new(vec![1..2, 2..3, 3..7]);
        let mut seen: Vec<usize> = (1..4).flat_map(|n| search.others(3, n)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [0, 1, 2, 4, 5, 6]);
        assert!(Search::new(Vec::new()).others(0, 5).is_empty());
    }
}
