//! The ten security headers, in the real server's order. It must not know which answers carry them.

use http::header::{HeaderName, HeaderValue};

use crate::answer::Answer;
use crate::settings::SecuritySettings;

const POLICY: &str = "default-src 'none'; script-src 'none'; style-src 'none'; img-src 'none'; font-src 'none'; \
    connect-src 'self'; media-src 'none'; object-src 'none'; frame-src 'none'; frame-ancestors 'none'; \
    form-action 'none'; base-uri 'none'";
const PERMISSIONS: &str = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), \
    payment=(), usb=()";

pub(super) struct Security([(HeaderName, HeaderValue); 10]);

impl Security {
    pub(super) fn new(settings: &SecuritySettings) -> Self {
        let policy = match &settings.csp_report_uri {
            Some(uri) => format!("{POLICY}; report-uri {uri}"),
            None => POLICY.to_owned(),
        };
        let transport = format!("max-age={}; includeSubDomains; preload", settings.hsts_max_age_s);
        let headers = [
            ("content-security-policy", &*policy),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("strict-transport-security", &transport),
            ("x-xss-protection", "1; mode=block"),
            ("referrer-policy", "strict-origin-when-cross-origin"),
            ("permissions-policy", PERMISSIONS),
            ("x-permitted-cross-domain-policies", "none"),
            ("x-download-options", "noopen"),
            ("x-dns-prefetch-control", "off"),
        ];
        Self(headers.map(|(name, value)| {
            let value = HeaderValue::from_str(value).expect("settings let nothing else through");
            (HeaderName::from_static(name), value)
        }))
    }

    /// Adds them; an answer that brings a policy of its own keeps it.
    pub(super) fn decorate(&self, answer: &mut Answer) {
        let own_policy = answer.policy.take();
        for (at, (name, value)) in self.0.iter().enumerate() {
            let value = match &own_policy {
                Some(policy) if at == 0 => policy.clone(),
                _ => value.clone(),
            };
            answer.push(name.clone(), value);
        }
    }
}
