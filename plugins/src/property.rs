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
}

/// Settings that are an element's properties.
pub trait Properties: Sized + 'static {
    /// What the counters tell.
    const STATS: &'static str;

    /// All of them.
    fn all() -> &'static [Property<Self>];

    /// What GObject is told of: the properties, and the counters, which are nobody's setting.
    fn specs() -> Vec<glib::ParamSpec> {
        let stats = glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb(Self::STATS)
            .read_only()
            .build();
        let own = Self::all().iter().map(|property| property.spec.clone());
        own.chain([stats]).collect()
    }

    /// Takes the value of a property, one of those that GObject was told of.
    fn set(&mut self, property: &str, value: &glib::Value) {
        (named::<Self>(property).set)(self, value);
    }

    /// The value of a property, one of those that GObject was told of.
    fn get(&self, property: &str) -> glib::Value {
        (named::<Self>(property).get)(self)
    }
}

fn named<S: Properties>(name: &str) -> &'static Property<S> {
    let found = S::all().iter().find(|one| one.spec.name() == name);
    found.expect("GObject knows no others")
}

/// A path as the value of a property.
pub fn path(path: Option<&PathBuf>) -> glib::Value {
    path.map(|path| path.display().to_string()).to_value()
}
