mod guard;
mod post;
mod receiver;
