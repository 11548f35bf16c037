//! How many further tries servers are asked to bear (the throttling of gRPC's proposal A6):
//! where many requests fail, none is sent twice.

use std::sync::Mutex;

use crate::sync::lock;

/// Tokens at most, and at the beginning.
const MOST: f32 = 10.0;
/// What a request that succeeds gives back of the token that one that fails takes.
const RETURN: f32 = 0.1;

/// Tokens that failures take.
pub struct Budget(Mutex<f32>);

impl Default for Budget {
    fn default() -> Self {
        Self(Mutex::new(MOST))
    }
}

impl Budget {
    /// A request has succeeded.
    pub fn succeed(&self) {
        let mut tokens = lock(&self.0);
        *tokens = (*tokens + RETURN).min(MOST);
    }

    /// A request has failed: whether it may be tried again.
    pub fn fail(&self) -> bool {
        let mut tokens = lock(&self.0);
        *tokens = (*tokens - 1.0).max(0.0);
        *tokens > MOST / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_many_fail_none_is_tried_again() {
        let budget = Budget::default();
        let granted = (0..100).filter(|_| budget.fail()).count();
        assert_eq!(granted, 4);
        (0..50).for_each(|_| budget.succeed());
        assert!(!budget.fail());
        (0..50).for_each(|_| budget.succeed());
        assert!(budget.fail());
    }
}
