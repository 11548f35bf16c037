//! The properties of `ferclassify`, and the classifier that they ask for.

mod engine;
mod model;
mod reading;
mod servers;

use std::sync::LazyLock;

use fer::Classifier;

use crate::property::{Properties, Property};
pub use engine::{EngineChoice, EngineSettings, PrecisionChoice, ProviderChoice};
pub use model::{BuiltinModel, InputColor, InputTone, ModelSettings, OutputKind};
pub use reading::ReadingSettings;
pub use servers::{FallbackChoice, ServerSettings};

static PROPERTIES: LazyLock<Vec<Property<Settings>>> = LazyLock::new(|| {
    let model = ModelSettings::properties().into_iter();
    let engine = EngineSettings::properties().into_iter();
    let servers = ServerSettings::properties().into_iter();
    let reading = ReadingSettings::properties().into_iter();
    let model = model.map(|one| one.of(|s: &Settings| &s.model, |s| &mut s.model));
    let engine = engine.map(|one| one.of(|s: &Settings| &s.engine, |s| &mut s.engine));
    let servers = servers.map(|one| one.of(|s: &Settings| &s.servers, |s| &mut s.servers));
    let reading = reading.map(|one| one.of(|s: &Settings| &s.reading, |s| &mut s.reading));
    model.chain(engine).chain(servers).chain(reading).collect()
});

/// The values of the properties.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    pub model: ModelSettings,
    pub engine: EngineSettings,
    pub servers: ServerSettings,
    pub reading: ReadingSettings,
}

impl Properties for Settings {
    const STATS: &'static str = "Since start: engine, frames, faces, classified, unread (those for which the \
                     network gave no probabilities), batches; engine-batches, engine-faces and \
                     engine-largest-batch of all elements that share the engine; prepare-time \
                     and classify-time, which contains it, in ns; with engine=remote of all that \
                     share it remote-endpoint, remote-requests, remote-retries, remote-late, \
                     remote-failed, remote-outages and local-faces";

    fn all() -> &'static [Property<Settings>] {
        &PROPERTIES
    }
}

impl Settings {
    /// Opens the model and an engine.
    ///
    /// # Errors
    /// When the model can't be used or the engine not be had.
    pub fn open(&self) -> fer::Result<Classifier> {
        self.servers.check(self.asks_servers())?;
        let model = self.model.open()?;
        let options = self.engine.options(self.servers.options());
        let mut classifier = Classifier::new(&model, &options)?;
        classifier.set_mirror(self.reading.mirror);
        Ok(classifier)
    }

    fn asks_servers(&self) -> bool {
        self.engine.engine == EngineChoice::Remote
    }

    /// Longest time that a frame may wait for others: for faces of other streams where they are
    /// run together, and for servers.
    pub fn longest_wait(&self, joint: bool) -> gst::ClockTime {
        let patience = gst::ClockTime::from_nseconds(self.engine.batch_timeout);
        let deadline = gst::ClockTime::from_mseconds(self.servers.deadline.into());
        match joint {
            _ if self.asks_servers() => patience + deadline,
            true => patience,
            false => gst::ClockTime::ZERO,
        }
    }
}
