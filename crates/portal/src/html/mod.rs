//! Small pieces of pages whose content is escaped where they are made.

mod json;
mod state;
mod text;

pub use json::{indented, indented_whole};
pub use state::State;
pub use text::{broken, crumb, number, shortened};
