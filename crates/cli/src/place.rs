//! Where the load goes, checked: nothing is bound or sent here.

use std::path::Path;

use harness::{HttpOptions, HttpTransport, HttpVersion, Target};
use stub::{Profile, Settings};

use crate::args::{HttpChoice, LoadArgs};
use crate::exit::{Failure, both};
use crate::files::read_text;

/// Where the load goes.
pub(crate) enum Place {
    /// To a stub in virtual time.
    Simulated(Box<(Settings, Profile)>),
    /// To a stub inside this process.
    Embedded(Box<(Settings, Profile)>, HttpOptions),
    /// To a server.
    Server(Target, HttpOptions),
}

/// The place that the arguments name; `host` is the server's address, if there is one.
pub(crate) fn place(args: &LoadArgs, host: Option<&str>) -> Result<Place, Failure> {
    let stub = || args.stub.build_for_suite(&args.api_key(), args.simulate).map(Box::new);
    if args.simulate {
        return stub().map(Place::Simulated);
    }
    let Some(host) = host else {
        let (stub, options) = both(stub(), http_options(args.http, args.insecure, args.cacert.as_deref()))?;
        return Ok(Place::Embedded(stub, options));
    };
    let target = Target::parse(host).map_err(Failure::from);
    let options = http_options(args.http, args.insecure, args.cacert.as_deref());
    let (target, options) = both(target, options)?;
    // Shows mistakes in the certificates now; the workers make their own.
    HttpTransport::new(target.clone(), &options)?;
    Ok(Place::Server(target, options))
}

/// How connections are made, as the arguments say.
pub(crate) fn http_options(
    version: HttpChoice,
    insecure: bool,
    cacert: Option<&Path>,
) -> Result<HttpOptions, Failure> {
    let version = match version {
        HttpChoice::Auto => HttpVersion::Negotiated,
        HttpChoice::Http1 => HttpVersion::Http1,
        HttpChoice::Http2 => HttpVersion::Http2,
    };
    let pem = cacert.map(read_text).transpose()?;
    let root_certificates_pem = pem.map(|file| file.text.into_bytes());
    Ok(HttpOptions { version, insecure, root_certificates_pem })
}
