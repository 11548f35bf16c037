//! The report on an ablation: settings on the same folds, and tests between them.

use std::path::Path;

use super::{Cell, Dot, Page, Table, confusion, scatter};
use crate::Result;
use crate::error::Context;
use crate::eval::pca::plane;
use crate::eval::{McNemar, Pooled, Predictions, SeededFolds, Setting, by_subject};

/// An ablation that was run.
#[derive(Debug, Clone, Copy)]
pub struct Ablation<'a> {
    /// Class names in the order of labels.
    pub classes: &'a [String],
    /// What was compared.
    pub settings: &'a [Setting<'a>],
    /// The folds of every seed, which all settings share.
    pub by_seed: &'a [SeededFolds<'a>],
    /// Runs by setting, then by seed; the first of each setting has features.
    pub runs: &'a [Vec<Predictions>],
    /// Settings that are tested against each other: indices of the one before a change
    /// and the one after.
    pub pairs: &'a [(usize, usize)],
}

impl Ablation<'_> {
    /// One row a setting: mean and spread over seeds.
    pub fn settings(&self) -> Table {
        let seeds = self.by_seed.iter().map(|d| format!("seed {}", d.seed));
        let fixed = [
            "setting",
            "n",
            "accuracy",
            "deviation",
            "low (95 %)",
            "high (95 %)",
            "low (subjects)",
            "high (subjects)",
            "balanced",
            "macro F1",
        ];
        let mut table = Table::new(fixed.map(String::from).into_iter().chain(seeds));
        for (setting, runs) in self.settings.iter().zip(self.runs) {
            let pooled = Pooled::new(self.classes, runs);
            let mut row = vec![
                Cell::Text(setting.name.clone()),
                Cell::Count(runs[0].labels.len()),
                Cell::Share(pooled.accuracy.mean),
                Cell::share(pooled.accuracy.deviation),
                Cell::Share(pooled.metrics.interval.low),
                Cell::Share(pooled.metrics.interval.high),
                Cell::share(pooled.by_subject.map(|interval| interval.low)),
                Cell::share(pooled.by_subject.map(|interval| interval.high)),
                Cell::Share(pooled.balanced_accuracy.mean),
                Cell::Number(pooled.macro_f1.mean, 4),
            ];
            row.extend(runs.iter().map(|run| Cell::Share(run.metrics.accuracy)));
            table.push(row);
        }
        table
    }

    /// One row a pair and seed: McNemar's exact test.
    pub fn tests(&self) -> Table {
        let mut table = Table::new([
            "before and after",
            "seed",
            "before",
            "after",
            "only before right",
            "only after right",
            "p",
        ]);
        for (before, after) in self.pairs {
            let name = |i: &usize| &self.settings[*i].name;
            for (a, b) in self.runs[*before].iter().zip(&self.runs[*after]) {
                let test = McNemar::new(&a.right(), &b.right());
                table.push(vec![
                    Cell::Text(format!("{} -> {}", name(before), name(after))),
                    Cell::Text(a.seed.to_string()),
                    Cell::Share(a.metrics.accuracy),
                    Cell::Share(b.metrics.accuracy),
                    Cell::Count(test.only_first),
                    Cell::Count(test.only_second),
                    Cell::Probability(test.p),
                ]);
            }
        }
        table
    }

    /// One row a pair: the test by subject over all seeds together. No row where subjects are not
    /// known.
    pub fn tests_by_subject(&self) -> Table {
        let mut table = Table::new([
            "before and after",
            "before",
            "after",
            "subjects",
            "better before",
            "better after",
            "p",
        ]);
        for (before, after) in self.pairs {
            let [first, second] = [*before, *after].map(|i| &self.runs[i]);
            let Some(test) = by_subject(first, second) else {
                continue;
            };
            let names = [*before, *after].map(|i| self.settings[i].name.as_str());
            let mean = |runs| Cell::Share(Pooled::new(self.classes, runs).accuracy.mean);
            table.push(vec![
                Cell::Text(names.join(" -> ")),
                mean(first),
                mean(second),
                Cell::Count(test.subjects),
                Cell::Count(test.first),
                Cell::Count(test.second),
                Cell::Probability(test.p),
            ]);
        }
        table
    }

    /// Confusion matrices of all settings, summed over the seeds.
    fn confusions(&self) -> Table {
        let fixed = ["setting", "true"].map(String::from);
        let mut table = Table::new(fixed.into_iter().chain(self.classes.iter().cloned()));
        for (setting, runs) in self.settings.iter().zip(self.runs) {
            let pooled = Pooled::new(self.classes, runs);
            for (class, row) in self.classes.iter().zip(&pooled.metrics.confusion) {
                let names = [setting.name.clone(), class.clone()].map(Cell::Text);
                let counts = row.iter().map(|n| Cell::Count(*n));
                table.push(names.into_iter().chain(counts).collect());
            }
        }
        table
    }

    /// Writes `report.html` and `settings.csv`, `tests.csv`, `tests-by-subject.csv` and
    /// `confusion.csv` into `folder`, which is made where it is not there.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn write(&self, folder: &Path, about: &[String], warnings: &[String]) -> Result<()> {
        std::fs::create_dir_all(folder).with_context(|| format!("folder {}", folder.display()))?;
        let mut page = Page::new("Ablation");
        warnings.iter().for_each(|warning| page.warning(warning));
        about.iter().for_each(|text| page.paragraph(text));

        let (settings, tests) = (self.settings(), self.tests());
        page.heading("Settings");
        page.paragraph(
            "Mean over seeds and their standard deviation. The interval is Wilson's of the \
             mean accuracy over the pictures, however many seeds there are; that by subjects is \
             for people who were never seen, from 10,000 draws of the subjects with all their \
             answers (percentile bootstrap), with fewer than 30 subjects the wider of the two.",
        );
        page.table(&settings);
        page.heading("Tests");
        page.paragraph(
            "McNemar's exact test on the same pictures, seed by seed: the probability of a \
             difference as large by chance. Seeds share their pictures, so their tests are \
             not independent of each other.",
        );
        page.table(&tests);
        if self.runs.iter().flatten().all(|run| run.subjects.is_some()) {
            page.heading("Tests by subject");
            page.paragraph(
                "Exact permutation test whose unit is the subject, all its pictures and seeds \
                 together: of all ways to swap the two settings for each subject, the share \
                 whose answers differ at least as much. The networks of the folds share most of \
                 their training pictures, which no test on one data set accounts for.",
            );
            page.table(&self.tests_by_subject());
        }
        page.heading("Reference");
        page.paragraph(
            "As published for RT-FER (2019), with the same people on both sides and the \
             model chosen on the test pictures.",
        );
        page.table(&reference());
        page.heading("Confusion matrices");
        for (setting, runs) in self.settings.iter().zip(self.runs) {
            let pooled = Pooled::new(self.classes, runs);
            page.figure(confusion(&pooled.metrics), &setting.name);
        }
        page.heading("Features");
        page.paragraph(
            "Pooled features by the first fold's network of the first seed, in the plane in \
             which they vary most. Rings are pictures that it was trained with or chosen by, \
             dots are held out.",
        );
        for (setting, runs) in self.settings.iter().zip(self.runs) {
            self.features(&mut page, setting, &runs[0]);
        }
        settings.write_csv(&folder.join("settings.csv"))?;
        tests.write_csv(&folder.join("tests.csv"))?;
        let by_subject = self.tests_by_subject();
        by_subject.write_csv(&folder.join("tests-by-subject.csv"))?;
        self.confusions().write_csv(&folder.join("confusion.csv"))?;
        page.write(&folder.join("report.html"))
    }

    fn features(&self, page: &mut Page, setting: &Setting, run: &Predictions) {
        let fold = &self.by_seed[0].folds[0];
        let known = fold.train.len() + fold.validation.len();
        let samples = fold.train.iter().chain(&fold.validation).chain(&fold.test);
        let plane = plane(&run.features);
        let dots: Vec<Dot> = plane
            .points
            .iter()
            .zip(samples)
            .enumerate()
            .map(|(i, (at, sample))| Dot {
                at: *at,
                label: sample.label,
                held_out: i >= known,
            })
            .collect();
        let caption = format!(
            "The plane holds {:.0} % of the variance.",
            100.0 * plane.explained.iter().sum::<f64>()
        );
        page.figure(scatter(&setting.name, self.classes, &dots), &caption);
    }
}

/// The ablations of the reference system.
fn reference() -> Table {
    let mut table = Table::new(["change", "before", "after"]);
    for (change, before, after) in [
        ("CK+, one stage -> two", 0.9180, 0.9508),
        ("JAFFE, one stage -> two", 0.7143, 0.9286),
        ("CK+, softmax -> center loss", 0.9508, 0.9692),
        ("JAFFE, softmax -> center loss", 0.9286, 0.9524),
    ] {
        table.push(vec![change.into(), Cell::Share(before), Cell::Share(after)]);
    }
    table
}
