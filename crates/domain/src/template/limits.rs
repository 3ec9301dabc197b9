//! How much a template may ask for.

/// Limits of templates, as written and as rendered. All of them hold for one subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Longest template as written: the whole JSON text, or header and body together.
    pub template_max_bytes: usize,
    /// Most levels of objects and arrays in `jsonBody`, itself included; above 100 counts as 100.
    pub depth_max: usize,
    /// Most placeholders in body and headers together.
    pub placeholders_max: usize,
    /// Most headers.
    pub headers_max: usize,
    /// Longest header value, as written and as rendered: a rendered one is cut there.
    pub header_value_max_bytes: usize,
    /// Largest rendered body. A placeholder brings in as much as the event holds, and may stand there many times.
    pub body_max_bytes: usize,
}

impl Limits {
    /// Readers with a recursion limit (128 is usual) must follow what is sent. Also bounds our own recursion.
    const DEPTH_HARD_MAX: usize = 100;

    pub(super) fn depth_max(&self) -> usize {
        self.depth_max.min(Self::DEPTH_HARD_MAX)
    }

    /// What holds for a template that was accepted before, perhaps under other limits: only rendering is bounded.
    pub(super) const fn of_rendering(&self) -> Self {
        Self {
            template_max_bytes: usize::MAX,
            depth_max: Self::DEPTH_HARD_MAX,
            placeholders_max: usize::MAX,
            headers_max: usize::MAX,
            header_value_max_bytes: self.header_value_max_bytes,
            body_max_bytes: self.body_max_bytes,
        }
    }
}

impl Default for Limits {
    /// The depth leaves room for event data, which is at most 64 levels deep, under the usual 128 of readers.
    fn default() -> Self {
        Self {
            template_max_bytes: 65_536,
            depth_max: 32,
            placeholders_max: 256,
            headers_max: 32,
            header_value_max_bytes: 4_096,
            body_max_bytes: 1_048_576,
        }
    }
}
