//! Who is in a picture, where a data set's form does not tell.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use regex_lite::Regex;

use super::text::{column, with_table};
use super::{Dataset, Split, classes, csv_file};
use crate::error::Context;
use crate::{Error, Result};

/// Where a picture's subject is named.
#[derive(Debug, Clone)]
pub enum SubjectRule {
    /// By a pattern in its path below the data set's folder, with `/` between folders: the
    /// pattern's first group, or all that it matches where it has none.
    Pattern(Regex),
    /// By the folder of this level above it; 1 is the one directly in the data set's folder.
    Level(usize),
    /// By a table with the columns `picture` (path below the data set's folder, or the file's
    /// name alone) and `subject`.
    Table(PathBuf),
}

/// Regular expressions have no equality; their texts do.
impl PartialEq for SubjectRule {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl fmt::Display for SubjectRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern(pattern) => write!(f, "pattern {}", pattern.as_str()),
            Self::Level(level) => write!(f, "folders of level {level}"),
            Self::Table(path) => write!(f, "table {}", path.display()),
        }
    }
}

impl FromStr for SubjectRule {
    type Err = String;

    /// A number is a level; a file, or what ends in `.csv`, is a table; the rest is a pattern.
    fn from_str(text: &str) -> Result<Self, String> {
        let path = Path::new(text);
        if let Ok(level) = text.parse() {
            return match level {
                1.. => Ok(Self::Level(level)),
                _ => Err("levels of folders are counted from 1".to_owned()),
            };
        }
        if path.is_file() || text.to_ascii_lowercase().ends_with(".csv") {
            return Ok(Self::Table(path.to_owned()));
        }
        if text.is_empty() {
            return Err("nothing is no pattern".to_owned());
        }
        let pattern = Regex::new(text).map_err(|e| format!("not a pattern: {e}"))?;
        Ok(Self::Pattern(pattern))
    }
}

impl Dataset {
    /// Names the subject of every sample after `rule`; `inner` is the folder, below the one that
    /// the user named, in which the data set was found.
    ///
    /// # Errors
    /// Names the first sample whose subject it does not tell: people who are not told apart
    /// would be mixed. When a level of folders has the names of classes.
    pub(super) fn name_subjects(&mut self, rule: &SubjectRule, inner: &Path) -> Result<()> {
        let table = match rule {
            SubjectRule::Table(path) => {
                Some(read(path).with_context(|| format!("subjects {}", path.display()))?)
            }
            SubjectRule::Pattern(_) | SubjectRule::Level(_) => None,
        };
        for sample in &mut self.samples {
            let own = sample.name.replace(std::path::MAIN_SEPARATOR, "/");
            let name = match csv_file::row(&own) {
                Some(_) => own.clone(),
                None => {
                    let path = inner.join(&sample.name).display().to_string();
                    path.replace(std::path::MAIN_SEPARATOR, "/")
                }
            };
            let subject = match rule {
                SubjectRule::Pattern(pattern) => matched(pattern, &name),
                SubjectRule::Level(level) => {
                    let folders: Vec<&str> = name.split('/').collect();
                    let (_, folders) = folders.split_last().expect("a split has a part");
                    folders.get(level - 1).map(|f| (*f).to_owned())
                }
                SubjectRule::Table(_) => table.as_ref().and_then(|table| {
                    let file = name.rsplit('/').next().unwrap_or_default();
                    let place = [name.as_str(), &own, file];
                    place.iter().find_map(|place| table.get(*place)).cloned()
                }),
            };
            let subject = subject.filter(|s| !s.trim().is_empty());
            sample.subject =
                Some(subject.ok_or_else(|| {
                    Error::Data(format!("the {rule} names no subject of {name}"))
                })?);
        }
        if let SubjectRule::Level(level) = rule {
            let names = self.samples.iter().filter_map(|s| s.subject.as_deref());
            not_classes(*level, names)?;
        }
        self.subjects_by = Some(rule.to_string());
        Ok(())
    }
}

/// Refuses a level of folders whose names are all those of expressions or of parts.
///
/// # Errors
/// Names the level.
pub(super) fn not_classes<'a>(
    level: usize,
    mut names: impl Iterator<Item = &'a str>,
) -> Result<()> {
    ensure!(
        names.any(|name| classes::canonical(name).is_none() && Split::from_name(name).is_none()),
        Data,
        "the folders of level {level} have the names of classes or parts, not of subjects"
    );
    Ok(())
}

fn matched(pattern: &Regex, name: &str) -> Option<String> {
    let found = pattern.captures(name)?;
    let group = found.get(1).or_else(|| found.get(0))?;
    Some(group.as_str().to_owned())
}

/// Subjects by picture.
fn read(path: &Path) -> Result<HashMap<String, String>> {
    with_table(path, |mut table| {
        let header = table.headers()?;
        let find = |name: &str| {
            column(header, name).ok_or_else(|| {
                Error::Data(format!(
                    "no column {name:?}; a header with picture and subject was expected"
                ))
            })
        };
        let (picture, subject) = (find("picture")?, find("subject")?);
        let mut subjects = HashMap::new();
        for record in table.records() {
            let record = record?;
            let (Some(picture), Some(subject)) = (record.get(picture), record.get(subject)) else {
                continue;
            };
            let picture = picture.trim().trim_start_matches("./").replace('\\', "/");
            let subject = subject.trim().to_owned();
            let before = subjects.insert(picture.clone(), subject.clone());
            ensure!(
                before.is_none_or(|before| before == subject),
                Data,
                "{picture} has two subjects"
            );
        }
        Ok(subjects)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_told_by_how_it_is_written() {
        let rule = |text: &str| text.parse::<SubjectRule>();
        assert_eq!(rule("2"), Ok(SubjectRule::Level(2)));
        assert_eq!(rule("who.csv"), Ok(SubjectRule::Table("who.csv".into())));
        assert!(matches!(rule(r"(\d+)\.jpg$"), Ok(SubjectRule::Pattern(_))));
        assert!(rule("0").is_err() && rule("").is_err());
        assert!(rule("(").unwrap_err().contains("not a pattern"));
    }

    #[test]
    fn a_pattern_names_its_group_or_all_that_it_matches() {
        let named = |text: &str, name: &str| matched(&Regex::new(text).unwrap(), name);
        assert_eq!(named(r"(\d+)\.jpg$", "happy/017.jpg"), Some("017".into()));
        assert_eq!(named(r"S\d+", "happy/S5_1.png"), Some("S5".into()));
        assert_eq!(named(r"S\d+", "happy/x.png"), None);
    }
}
