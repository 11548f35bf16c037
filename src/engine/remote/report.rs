/// How the servers of an engine do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceReport {
    /// The address that runs are sent to now; `None` while no server serves.
    pub serving: Option<String>,
    /// How often it has come to that since the start; at the start counts.
    pub outages: u64,
    /// Why, the last time.
    pub trouble: String,
    /// Requests sent, further tries included.
    pub requests: u64,
    /// Further tries.
    pub retries: u64,
    /// Requests without an answer in time.
    pub late: u64,
    /// Requests that failed otherwise.
    pub failed: u64,
    /// Faces that this machine has read instead.
    pub local_faces: u64,
}
