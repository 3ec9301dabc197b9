//! Being signed in. A session is a sealed cookie that holds the credentials, so it survives a restart and works with every
//! instance; nothing of it is kept here. It ends an hour after the last click, after twelve hours in any case, and as soon as
//! its credentials do not count any more, since REST looks at them with every page.

mod cookie;
mod enter;
mod sign_in;

pub use cookie::Session;
pub use enter::enter;
pub use sign_in::{show, sign_in, sign_out};
