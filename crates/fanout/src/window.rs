//! Writes that wait for their acknowledgements, never more than so many.

use std::collections::VecDeque;

/// A bounded queue of things under way, oldest first.
pub struct Window<F> {
    max: usize,
    under_way: VecDeque<F>,
}

impl<F, T, E> Window<F>
where
    F: Future<Output = Result<T, E>>,
{
    pub fn new(max: usize) -> Self {
        Self { max: max.max(1), under_way: VecDeque::new() }
    }

    /// Adds one; when it is full, waits for the oldest first.
    ///
    /// # Errors
    /// That of the oldest.
    pub async fn push(&mut self, started: F) -> Result<(), E> {
        if self.under_way.len() >= self.max
            && let Some(oldest) = self.under_way.pop_front()
        {
            oldest.await?;
        }
        self.under_way.push_back(started);
        Ok(())
    }

    /// Waits for all of them.
    ///
    /// # Errors
    /// The first in their order.
    pub async fn finished(self) -> Result<(), E> {
        for one in self.under_way {
            one.await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::ready;

    #[tokio::test]
    async fn it_never_holds_more_than_it_may() {
        let mut window = Window::new(3);
        for n in 0..1_000 {
            window.push(ready(if n == 998 { Err(n) } else { Ok(()) })).await.unwrap();
            assert!(window.under_way.len() <= 3);
        }
        assert_eq!(window.push(ready(Ok(()))).await, Ok(()), "997");
        assert_eq!(window.push(ready(Ok(()))).await, Err(998));
        assert_eq!(window.finished().await, Ok(()));
        let mut window = Window::new(3);
        window.push(ready(Err::<(), _>(1))).await.unwrap();
        assert_eq!(window.finished().await, Err(1));
    }
}
