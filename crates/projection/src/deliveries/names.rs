//! What repeats, written once and named by a number.

use std::collections::HashMap;

use rusqlite::{OptionalExtension as _, Params, Transaction};

use super::issued::About;

/// Numbers that are remembered of a sort; past it they are looked up anew.
const REMEMBERED_MAX: usize = 100_000;

/// The numbers that were looked up. When a transaction fails they may name nothing: begin with new ones.
#[derive(Default)]
pub struct Names {
    owners: HashMap<(String, String), i64>,
    subscriptions: HashMap<(String, i64), i64>,
    kinds: HashMap<(String, i64, String), i64>,
    words: HashMap<String, i64>,
}

/// What a row says of whose and what kind it is.
#[derive(Clone, Copy, Default)]
pub struct Numbers {
    pub owner: i64,
    pub subscription: i64,
    pub kind: i64,
}

impl Names {
    pub(super) fn numbers(
        &mut self,
        transaction: &Transaction<'_>,
        about: &About,
    ) -> rusqlite::Result<Numbers> {
        let key = (about.partner.clone(), about.operator.clone());
        let owner = remembered(&mut self.owners, key, |(partner, operator)| {
            let select = "SELECT id FROM owners WHERE partner = ?1 AND operator = ?2";
            let insert = "INSERT INTO owners (partner, operator) VALUES (?1, ?2)";
            number(transaction, select, insert, (partner, operator))
        })?;
        let key = (about.subscription_id.clone(), owner);
        let subscription = remembered(&mut self.subscriptions, key, |(subscription_id, owner)| {
            let select = "SELECT id FROM subscriptions WHERE name = ?1 AND owner = ?2";
            let insert = "INSERT INTO subscriptions (name, owner) VALUES (?1, ?2)";
            number(transaction, select, insert, (subscription_id, owner))
        })?;
        let key = (about.event_type.clone(), owner, about.environment.clone());
        let kind = remembered(&mut self.kinds, key, |(event_type, owner, environment)| {
            let select = "SELECT id FROM kinds WHERE event_type = ?1 AND owner = ?2 AND environment = ?3";
            let insert = "INSERT INTO kinds (event_type, owner, environment) VALUES (?1, ?2, ?3)";
            number(transaction, select, insert, (event_type, owner, environment))
        })?;
        Ok(Numbers { owner, subscription, kind })
    }

    pub fn word(&mut self, transaction: &Transaction<'_>, word: &str) -> rusqlite::Result<i64> {
        if let Some(number) = self.words.get(word) {
            return Ok(*number);
        }
        remembered(&mut self.words, word.to_owned(), |word| {
            let select = "SELECT id FROM words WHERE word = ?1";
            number(transaction, select, "INSERT INTO words (word) VALUES (?1)", (word,))
        })
    }
}

fn remembered<K: std::hash::Hash + Eq>(
    numbers: &mut HashMap<K, i64>,
    key: K,
    look_up: impl FnOnce(&K) -> rusqlite::Result<i64>,
) -> rusqlite::Result<i64> {
    if let Some(number) = numbers.get(&key) {
        return Ok(*number);
    }
    let number = look_up(&key)?;
    if numbers.len() >= REMEMBERED_MAX {
        numbers.clear();
    }
    numbers.insert(key, number);
    Ok(number)
}

fn number<P: Params + Clone>(
    transaction: &Transaction<'_>,
    select: &str,
    insert: &str,
    named: P,
) -> rusqlite::Result<i64> {
    let there = transaction.prepare_cached(select)?.query_row(named.clone(), |row| row.get(0)).optional()?;
    match there {
        Some(number) => Ok(number),
        None => transaction.prepare_cached(insert)?.insert(named),
    }
}
