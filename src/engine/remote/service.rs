//! The servers of a network, as one engine.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::address::Address;
use super::budget::Budget;
use super::client::{Client, Failure};
use super::error;
use super::link::Link;
use super::options::{Fallback, RemoteOptions};
use super::report::ServiceReport;
use super::site::Site;
use crate::engine::pieces::{alike, trial_faces};
use crate::engine::{Engine, EngineKind, EngineOptions, open_own};
use crate::sync::lock;
use crate::{Model, Result};

/// How long a start, and any later look at a server, waits for it.
const LOOK: Duration = Duration::from_secs(5);

/// Servers that run the network; faces that none reads in time are read here, where that is
/// asked for.
pub struct Remote {
    service: Arc<Service>,
    local: Option<Box<dyn Engine>>,
    local_faces: AtomicU64,
    runtime: Handle,
    /// Ends the runtime, and with it all that is under way.
    stop: Mutex<Option<oneshot::Sender<()>>>,
}

/// What runs on the runtime.
struct Service {
    options: RemoteOptions,
    model: Model,
    sites: Vec<Site>,
    budget: Budget,
    /// What this machine reads in the faces of a trial, where it can.
    expected: Option<Vec<f32>>,
    /// Told when a server serves.
    serving: Notify,
    counts: Mutex<ServiceReport>,
}

impl Remote {
    /// Looks at all servers, and keeps looking at those that do not serve.
    ///
    /// # Errors
    /// What can't be right, such as another network than `model` at a server; that no server
    /// serves, where nothing falls back; that this machine can't run `model`, where it is to.
    pub fn open(model: &Model, options: &EngineOptions) -> Result<Self> {
        let remote = options.remote.clone();
        let sites = sites(&remote)?;
        let local = match remote.fallback {
            Fallback::Local => {
                let own = EngineOptions {
                    kind: EngineKind::Auto,
                    ..options.clone()
                };
                Some(open_own(model, &own)?.engine)
            }
            Fallback::Drop | Fallback::Error => None,
        };
        let expected = local.as_deref().map(|engine| trial(engine, model));
        let service = Arc::new(Service {
            options: remote,
            model: model.clone(),
            sites,
            budget: Budget::default(),
            expected: expected.transpose()?,
            serving: Notify::new(),
            counts: Mutex::default(),
        });
        let (runtime, stop) = start_runtime()?;
        let remote = Self {
            service: service.clone(),
            local,
            local_faces: AtomicU64::new(0),
            runtime,
            stop: Mutex::new(Some(stop)),
        };
        let look = service.clone();
        let looked = remote.wait_for(async move { look.first_look().await });
        looked.and_then(|looked| looked).map_err(error)?;
        remote.runtime.spawn(async move {
            let mut keepers = JoinSet::new();
            for at in 0..service.sites.len() {
                keepers.spawn(service.clone().keep(at));
            }
            // One that panicked does not end the others.
            while keepers.join_next().await.is_some() {}
        });
        Ok(remote)
    }

    /// For the log.
    pub fn description(&self) -> String {
        let name = &self.service.options.model;
        let serving = |site: &Site| Some((site.address.clone(), site.link()?));
        match self.service.sites.iter().find_map(serving) {
            Some((address, link)) if link.platform.is_empty() => format!("{name} at {address}"),
            Some((address, link)) => format!("{name} at {address} ({})", link.platform),
            None => format!("{name} at no server yet"),
        }
    }

    /// Waits for what the runtime does; an error where that panics or the runtime ends before.
    fn wait_for<T: Send + 'static>(
        &self,
        what: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, String> {
        let (done, result) = sync_channel(1);
        self.runtime.spawn(async move {
            // Who waits no longer needs no answer.
            let _ = done.send(what.await);
        });
        result.recv().map_err(|_| match self.is_closed() {
            true => "it was closed".to_owned(),
            false => "a request panicked".to_owned(),
        })
    }

    fn is_closed(&self) -> bool {
        lock(&self.stop).is_none()
    }
}

impl Engine for Remote {
    fn run(&self, input: &[f32], batch: usize, output: &mut [f32]) -> Result<()> {
        self.run_since(std::time::Instant::now(), input, batch, output)
    }

    fn run_since(
        &self,
        since: std::time::Instant,
        input: &[f32],
        batch: usize,
        output: &mut [f32],
    ) -> Result<()> {
        let (service, faces) = (self.service.clone(), input.to_vec());
        let end = Instant::from_std(since) + self.service.options.deadline;
        let answer = self.wait_for(async move { service.ask(&faces, batch, end).await });
        match (answer.and_then(|answer| answer), &self.local) {
            (Ok(values), _) => output.copy_from_slice(&values),
            (Err(why), Some(_)) if self.is_closed() => return Err(error(why)),
            (Err(why), None) => return Err(error(why)),
            (Err(_), Some(local)) => {
                local.run(input, batch, output)?;
                self.local_faces.fetch_add(batch as u64, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn service(&self) -> Option<ServiceReport> {
        let sites = &self.service.sites;
        let serving = sites.iter().find(|site| site.link().is_some());
        Some(ServiceReport {
            serving: serving.map(|site| site.address.to_string()),
            local_faces: self.local_faces.load(Ordering::Relaxed),
            ..lock(&self.service.counts).clone()
        })
    }

    fn close(&self) {
        lock(&self.stop).take();
    }
}

fn sites(options: &RemoteOptions) -> Result<Vec<Site>> {
    if options.endpoints.is_empty() {
        return Err(error("no endpoint is named"));
    }
    if options.model.is_empty() || options.deadline.is_zero() {
        return Err(error(
            "the model's name at the server, and a deadline, are needed",
        ));
    }
    let parse = |text: &String| Address::parse(text).map(Site::new).map_err(error);
    options.endpoints.iter().map(parse).collect()
}

/// What `engine` gives for two faces.
fn trial(engine: &dyn Engine, model: &Model) -> Result<Vec<f32>> {
    let faces = trial_faces(model.info().input.len()).concat();
    let mut values = vec![0.0; 2 * model.info().labels.len()];
    engine.run(&faces, 2, &mut values)?;
    Ok(values)
}

/// A runtime on a thread of its own, which ends with the other end of the channel.
fn start_runtime() -> Result<(Handle, oneshot::Sender<()>)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(error)?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    std::thread::Builder::new()
        .name("fer-remote".to_owned())
        .spawn(move || {
            crate::pipe::ignore_broken_ones();
            // An error is the other end's being gone.
            let _ = runtime.block_on(stopped);
            // A name that is being looked up is not waited for.
            runtime.shutdown_background();
        })
        .map_err(error)?;
    Ok((handle, stop))
}

/// Whether waiting helps none of the servers, of which none serves: one can't be right, or all that
/// have answered don't know the model.
fn is_hopeless(failures: &[(usize, Failure)]) -> bool {
    let has = |is: fn(&Failure) -> bool| failures.iter().any(|(_, failure)| is(failure));
    has(|failure| matches!(failure, Failure::Wrong(_)))
        || has(|failure| matches!(failure, Failure::Unknown(_)))
            && !has(|failure| matches!(failure, Failure::Refused(_) | Failure::Full(_)))
}

impl Service {
    /// Looks at all servers at once.
    ///
    /// # Errors
    /// A text for the user.
    async fn first_look(self: Arc<Self>) -> Result<(), String> {
        let mut looks = JoinSet::new();
        for at in 0..self.sites.len() {
            let service = self.clone();
            looks.spawn(async move { (at, service.look_apart(at).await) });
        }
        let mut failures = Vec::new();
        while let Some(look) = looks.join_next().await {
            match look {
                Ok((at, Ok(link))) => self.sites[at].serve(link),
                Ok((at, Err(failure))) => failures.push((at, failure)),
                Err(_) => (),
            }
        }
        failures.sort_by_key(|(at, _)| *at);
        let said = |(at, failure): &(usize, Failure)| {
            format!("{}: {}", self.sites[*at].address, failure.text(LOOK))
        };
        if self.next(&[]).is_some() {
            let away = failures.iter().map(said);
            away.for_each(|why| log::warn!("remote: {why}"));
            return Ok(());
        }
        let all: Vec<String> = failures.iter().map(said).collect();
        let why = all.join("; ");
        if self.options.fallback == Fallback::Error || is_hopeless(&failures) {
            return Err(why);
        }
        self.outage(&why);
        Ok(())
    }

    /// Looks at a server; a panic is a failure of the look.
    async fn look_apart(self: &Arc<Self>, at: usize) -> Result<Arc<Link>, Failure> {
        let service = self.clone();
        let look = tokio::spawn(async move { service.look(at).await });
        let panicked = |_| Err(Failure::Away("the look at it panicked".to_owned()));
        look.await.unwrap_or_else(panicked)
    }

    /// Looks at a server, over a new connection.
    async fn look(&self, at: usize) -> Result<Arc<Link>, Failure> {
        let address = &self.sites[at].address;
        let client = Client::new(address, &self.options).map_err(Failure::Wrong)?;
        let look = timeout_at(Instant::now() + LOOK, Link::open(client, &self.model));
        let (link, values) = look.await.unwrap_or(Err(Failure::Late))?;
        if self
            .expected
            .as_ref()
            .is_some_and(|expected| !alike(expected, &values))
        {
            log::warn!(
                "{} at {address} gives other values than model {:?}, which faces are read by \
                 where no server answers",
                self.options.model,
                self.model.name()
            );
        }
        Ok(link)
    }

    /// Looks at a server again and again while it does not serve.
    async fn keep(self: Arc<Self>, at: usize) {
        let site = &self.sites[at];
        loop {
            site.gone().await;
            sleep(site.pause()).await;
            match self.look_apart(at).await {
                Ok(link) => {
                    log::info!("remote: {} serves", site.address);
                    site.serve(link);
                    self.serving.notify_waiters();
                }
                Err(failure) => {
                    log::debug!("remote: {}: {}", site.address, failure.text(LOOK));
                }
            }
        }
    }

    /// What the servers say of `batch` faces until `end`.
    ///
    /// # Errors
    /// Why none has answered before the deadline, for the user.
    async fn ask(&self, input: &[f32], batch: usize, end: Instant) -> Result<Vec<f32>, String> {
        let (mut tried, mut left) = (Vec::new(), self.options.retries);
        loop {
            let Some((at, link, others)) = self.next(&tried) else {
                // Where nothing else reads the faces, it may be worth the wait.
                if self.options.fallback == Fallback::Error && self.wait_for_any(end).await {
                    continue;
                }
                return Err(self.why_none());
            };
            let (site, now) = (&self.sites[at], Instant::now());
            if now >= end {
                // No server's fault: too many requests are under way.
                self.count(|counts| counts.late += 1);
                return Err("the deadline passed before a request could be sent".to_owned());
            }
            // Others that may be asked then get their share of the time.
            let share = (end - now) / (others.min(left as usize) as u32 + 1);
            self.count(|counts| counts.requests += 1);
            let answer = timeout_at(now + share, link.infer(input, batch)).await;
            let failure = match answer.unwrap_or(Err(Failure::Late)) {
                Ok(values) => {
                    site.answered(&link);
                    self.budget.succeed();
                    return Ok(values);
                }
                Err(failure) => failure,
            };
            let why = format!("{}: {}", site.address, failure.text(share));
            self.count(|counts| match failure {
                Failure::Late => counts.late += 1,
                _ => counts.failed += 1,
            });
            if site.strike(&link, now.into_std(), &failure) {
                log::warn!("remote: {why}; it is asked no longer until it serves again");
                if self.next(&[]).is_none() {
                    self.outage(&why);
                }
            }
            let may = self.budget.fail();
            if left == 0 || !may || Instant::now() >= end {
                return Err(why);
            }
            left -= 1;
            tried.push(at);
            if self.next(&tried).is_some() {
                self.count(|counts| counts.retries += 1);
            }
        }
    }

    /// The server to ask: the first that serves of those that were not `tried`, or of all; and
    /// how many others were not.
    fn next(&self, tried: &[usize]) -> Option<(usize, Arc<Link>, usize)> {
        let sites = self.sites.iter().enumerate();
        let serving: Vec<_> = sites.filter_map(|(at, s)| Some((at, s.link()?))).collect();
        let untried = |(at, _): &&(usize, Arc<Link>)| !tried.contains(at);
        let fresh = serving.iter().filter(untried).count();
        let (at, link) = serving.iter().find(untried).or(serving.first())?;
        Some((*at, link.clone(), fresh.saturating_sub(1)))
    }

    /// Waits for a server that serves; whether there is one before `end`.
    async fn wait_for_any(&self, end: Instant) -> bool {
        let serving = self.serving.notified();
        let mut serving = std::pin::pin!(serving);
        serving.as_mut().enable();
        self.next(&[]).is_some() || timeout_at(end, serving).await.is_ok()
    }

    fn outage(&self, why: &str) {
        self.count(|counts| {
            counts.outages += 1;
            why.clone_into(&mut counts.trouble);
        });
    }

    fn why_none(&self) -> String {
        format!("no server serves: {}", lock(&self.counts).trouble)
    }

    fn count(&self, count: impl FnOnce(&mut ServiceReport)) {
        count(&mut lock(&self.counts));
    }
}
