//! A property in one place: what GObject and the user know of it, and where its value is kept.

use std::path::PathBuf;

use gst::glib;
use gst::prelude::*;

type Get<S> = Box<dyn Fn(&S) -> glib::Value + Send + Sync>;
type Set<S> = Box<dyn Fn(&mut S, &glib::Value) + Send + Sync>;

/// A property that is kept in an `S`.
pub struct Property<S> {
    spec: glib::ParamSpec,
    get: Get<S>,
    set: Set<S>,
}

impl<S: 'static> Property<S> {
    /// The property that `spec` describes. GObject calls `set` with values that fit it only, and
    /// no `get` of one that is write-only.
    pub fn new(
        spec: glib::ParamSpec,
        get: impl Fn(&S) -> glib::Value + Send + Sync + 'static,
        set: impl Fn(&mut S, &glib::Value) + Send + Sync + 'static,
    ) -> Self {
        Self {
            spec,
            get: Box::new(get),
            set: Box::new(set),
        }
    }

    /// The same of a `T` that has an `S`.
    pub fn of<T: 'static>(
        self,
        part: impl Fn(&T) -> &S + Send + Sync + 'static,
        part_mut: impl Fn(&mut T) -> &mut S + Send + Sync + 'static,
    ) -> Property<T> {
        let Self { spec, get, set } = self;
        Property::new(
            spec,
            move |whole| get(part(whole)),
            move |whole, value| set(part_mut(whole), value),
        )
    }

    /// The value.
    pub fn get(&self, settings: &S) -> glib::Value {
        (self.get)(settings)
    }

    /// Takes a value.
    pub fn set(&self, settings: &mut S, value: &glib::Value) {
        (self.set)(settings, value);
    }
}

/// What GObject is told of: all `properties`, and the counters, which are nobody's setting.
pub fn specs<S>(properties: &[Property<S>], stats: &str) -> Vec<glib::ParamSpec> {
    let stats = glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
        .nick("Statistics")
        .blurb(stats)
        .read_only()
        .build();
    let own = properties.iter().map(|property| property.spec.clone());
    own.chain([stats]).collect()
}

/// The property called `name`, which is one of those that GObject was told of.
pub fn named<'a, S>(properties: &'a [Property<S>], name: &str) -> &'a Property<S> {
    let found = properties.iter().find(|one| one.spec.name() == name);
    found.expect("GObject knows no others")
}

/// A path as the value of a property.
pub fn path(path: Option<&PathBuf>) -> glib::Value {
    path.map(|path| path.display().to_string()).to_value()
}
