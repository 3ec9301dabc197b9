//! The REST side as a partner application sees it.

use crate::setup::token_of;
use aerogram_testkit::{Answer, HttpClient};
use aerogram_wire::partitioner::partition_of;
use anyhow::Result;
use http::Method;
use serde_json::Value;

/// Which application calls, on behalf of which operator.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    pub client: &'static str,
    pub operator: &'static str,
}

pub const ACME: Owner = Owner { client: "app-1", operator: "acme" };
pub const ACME_2: Owner = Owner { client: "app-2", operator: "acme" };
pub const ACME_3: Owner = Owner { client: "app-3", operator: "acme" };
pub const BLUEJET: Owner = Owner { client: "app-1", operator: "bluejet" };

/// A subscription that a test created.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub id: String,
    /// Of the receiver.
    pub path: String,
    pub key: String,
    pub owner: Owner,
}

impl Subscription {
    /// Where it stands among so many partitions.
    pub fn partition(&self, partitions: i32) -> i32 {
        partition_of(self.id.as_bytes(), partitions)
    }
}

/// A client of the api.
pub struct Rest {
    client: HttpClient,
    base: String,
}

impl Rest {
    pub fn new(address: &str) -> Self {
        let base = format!("http://{address}/api/v2/webhooks/subscriptions");
        Self { client: HttpClient::new(), base }
    }

    pub async fn create(&self, owner: Owner, body: &Value) -> Result<Answer> {
        let token = token_of(owner.operator);
        self.client.post(&self.base, &headers(owner, &token), body).await
    }

    pub async fn get(&self, subscription: &Subscription) -> Result<Answer> {
        self.get_as(subscription.owner, &subscription.id).await
    }

    pub async fn get_as(&self, owner: Owner, id: &str) -> Result<Answer> {
        let token = token_of(owner.operator);
        self.client.get(&self.url(id), &headers(owner, &token)).await
    }

    pub async fn patch(&self, subscription: &Subscription, body: &Value) -> Result<Answer> {
        let token = token_of(subscription.owner.operator);
        self.client.patch(&self.url(&subscription.id), &headers(subscription.owner, &token), body).await
    }

    /// Replaces the signing key.
    pub async fn replace_key(&self, subscription: &Subscription, body: &Value) -> Result<Answer> {
        let token = token_of(subscription.owner.operator);
        let url = format!("{}/signing-keys", self.url(&subscription.id));
        self.client.post(&url, &headers(subscription.owner, &token), body).await
    }

    /// Renews it, as it is done from a console: without a body.
    pub async fn renew(&self, subscription: &Subscription) -> Result<Answer> {
        let token = token_of(subscription.owner.operator);
        let url = format!("{}/renewals", self.url(&subscription.id));
        self.client.request(Method::POST, &url, &headers(subscription.owner, &token), None).await
    }

    pub async fn delete(&self, subscription: &Subscription) -> Result<Answer> {
        let token = token_of(subscription.owner.operator);
        self.client.delete(&self.url(&subscription.id), &headers(subscription.owner, &token)).await
    }

    fn url(&self, id: &str) -> String {
        format!("{}/{id}", self.base)
    }
}

fn headers(owner: Owner, token: &str) -> [(&str, &str); 2] {
    [("X-Api-Client-Id", owner.client), ("X-Auth-Token", token)]
}
