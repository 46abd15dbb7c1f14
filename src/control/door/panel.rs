//! The panel's own register of gateways and keys, as the treaty's routes ask for it.

use super::treaty::{Later, NotEnrolled, Registrar};
use crate::control::authority::{ClientCertificate, Fingerprint};
use crate::control::service::{Panel, ServiceError, directory, gateways, kills, tallies, vault};
use crate::lease::directory::{Directory, Event};
use crate::lease::protocol::RouterId;
use crate::lease::tally::{Heard, Tallies};
use crate::lease::vault::Allowed;

impl From<ServiceError> for NotEnrolled {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::UsedUp | ServiceError::Unauthenticated => Self::Token,
            ServiceError::OtherKey => Self::OtherKey,
            other => Self::Store(other.to_string()),
        }
    }
}

impl Registrar for Panel {
    fn admit<'a>(
        &'a self,
        token: &'a str,
        key: Fingerprint,
    ) -> Later<'a, Result<(RouterId, String), NotEnrolled>> {
        Box::pin(async move { Ok(gateways::enrol_by_token(self, token, key.0).await?) })
    }

    fn renews(&self, router: RouterId, key: Fingerprint) -> Later<'_, Result<String, NotEnrolled>> {
        Box::pin(async move { Ok(gateways::may_renew(self, router, key.0).await?) })
    }

    fn certified<'a>(
        &'a self,
        (router, key): (RouterId, Fingerprint),
        made: &'a ClientCertificate,
    ) -> Later<'a, Result<(), NotEnrolled>> {
        Box::pin(async move {
            let whose = (router, key.0);
            let issued = gateways::certificate_issued(self, whose, made.fingerprint.0, made.ends);
            Ok(issued.await?)
        })
    }

    fn known(
        &self,
        certificate: Fingerprint,
        key: Option<Fingerprint>,
    ) -> Later<'_, Result<Option<RouterId>, NotEnrolled>> {
        Box::pin(async move {
            let known = gateways::router_of_certificate(self, &certificate.0).await?;
            match key {
                Some(key) if known.is_none() => Ok(gateways::router_of_key(self, &key.0).await?),
                _ => Ok(known),
            }
        })
    }

    fn credentials<'a>(
        &'a self,
        router: RouterId,
        names: &'a [String],
        known: u64,
    ) -> Later<'a, Result<Option<Allowed>, NotEnrolled>> {
        Box::pin(async move { Ok(vault::give(self, router, names, known).await?) })
    }

    fn heard(&self, router: RouterId, cursor: Option<u64>) {
        gateways::heard(self, router, cursor);
    }

    fn tallied(&self, told: Tallies) -> Later<'_, Result<Option<Heard>, NotEnrolled>> {
        Box::pin(async move { Ok(tallies::hear(self, told).await?) })
    }

    fn aborting(&self) -> Later<'_, Result<Vec<Event>, NotEnrolled>> {
        Box::pin(async move { Ok(kills::aborting(self).await?) })
    }

    fn directory(&self, known: Option<u64>) -> Later<'_, Result<Option<Directory>, NotEnrolled>> {
        Box::pin(async move {
            // Most ask in vain, and all of them at once: the whole of it is put together only for those who need it.
            if known == Some(directory::revision(self.store()).await?) {
                return Ok(None);
            }
            let directory = directory::directory(self.store(), self.now()).await?;
            Ok(Some(directory))
        })
    }
}
