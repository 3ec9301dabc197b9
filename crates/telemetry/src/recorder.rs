//! The metrics recorder of the process.

use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use crate::names::{AGE_BUCKETS, BUILD_INFO, Kind, REQUEST_BUCKETS, TABLE, begin_at_zero, describe_all};
use crate::process;

/// Metrics could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be set up: {0}")]
pub struct RecorderError(#[from] BuildError);

/// Renders what was recorded; cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    handle: PrometheusHandle,
}

impl Recorder {
    /// Installs the process-wide recorder, describes every metric, lets rare counters begin at 0 and records the build.
    ///
    /// # Errors
    /// When the process has a recorder already.
    pub fn install(role: &str) -> Result<Self, RecorderError> {
        let recorder = build()?;
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(BuildError::FailedToSetGlobalRecorder)?;
        describe_all();
        begin_at_zero();
        metrics::gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION"), "role" => role.to_owned())
            .set(1.0);
        Ok(Self { handle })
    }

    /// Everything recorded so far and the process's own figures, in Prometheus's text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = self.handle.render();
        process::render(&mut text);
        text
    }

    /// Moves recorded values into their buckets; without it histograms that nobody scrapes grow.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

/// Histograms get buckets: without them the exporter renders summaries, which cannot be added up.
pub(crate) fn build() -> Result<PrometheusRecorder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in TABLE {
        let buckets: &[f64] = match metric.kind {
            Kind::RequestSeconds => &REQUEST_BUCKETS,
            Kind::AgeSeconds => &AGE_BUCKETS,
            Kind::Counter | Kind::Gauge => continue,
        };
        builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
    }
    Ok(builder.build_recorder())
}

#[cfg(test)]
impl From<PrometheusHandle> for Recorder {
    fn from(handle: PrometheusHandle) -> Self {
        Self { handle }
    }
}
