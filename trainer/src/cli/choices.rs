//! The library's choices on the command line, with what each means.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use fer_trainer::artifact::{Preset, Stage};
use fer_trainer::data::split::By;
use fer_trainer::eval::Protocol;

/// Which of the two stages a run is.
pub fn stage() -> impl TypedValueParser<Value = Stage> {
    one_of([
        (
            "first",
            "From general features (ImageNet) to a large set of faces",
            Stage::First,
        ),
        (
            "second",
            "From there to a small set of one's own",
            Stage::Second,
        ),
    ])
}

/// A recipe that comes with the program.
pub fn preset() -> impl TypedValueParser<Value = Preset> {
    let about = "The reference system of 2019, for comparisons";
    one_of([("rt-fer", about, Preset::RtFer)])
}

/// What folds keep together.
pub fn by() -> impl TypedValueParser<Value = By> {
    one_of([
        (
            "subject",
            "All pictures of a subject: nobody is on both sides",
            By::Subject,
        ),
        (
            "random",
            "Nothing, as in the reference system: the same person is on both sides, and results \
             are too good",
            By::Random,
        ),
    ])
}

/// Who is kept apart from whom, and how the model is chosen.
pub fn protocol() -> impl TypedValueParser<Value = Protocol> {
    one_of([
        (
            "subject",
            "Nobody is on both sides, and the epoch is chosen inside the training folds",
            Protocol::Subject,
        ),
        (
            "seed",
            "As in the reference system: the same people are on both sides, and the epoch is \
             chosen by the test pictures. Only good for a comparison with its figures",
            Protocol::Seed,
        ),
    ])
}

/// One of `all`, by its name and with a help text.
fn one_of<T: Clone + Send + Sync + 'static, const N: usize>(
    all: [(&'static str, &'static str, T); N],
) -> impl TypedValueParser<Value = T> {
    let names = all
        .each_ref()
        .map(|(name, help, _)| PossibleValue::new(*name).help(*help));
    PossibleValuesParser::new(names).map(move |chosen| {
        let mut all = all.iter();
        let found = all.find(|(name, ..)| *name == chosen);
        found.expect("clap lets no other name through").2.clone()
    })
}
