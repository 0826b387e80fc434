//! The flags of the page. Names are Locust's where Locust has one.

use std::path::PathBuf;

use clap::Args;

/// Where the page is served, to whom, and what it does of itself.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Page")]
pub(crate) struct PageArgs {
    /// Address that the page is served at; further names, after commas, are names that it may be asked by. By default
    /// loopback alone.
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub(crate) web_host: Vec<String>,
    /// Port that the page is served at; 0 takes a free one.
    #[arg(short = 'P', long, value_name = "PORT", default_value_t = 8089)]
    pub(crate) web_port: u16,
    /// Asks who it is: user and password, or a bearer token, as the variables WEAVER_WEB_USER, WEAVER_WEB_PASSWORD and
    /// WEAVER_WEB_TOKEN say, or lines of the same form in FILE.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub(crate) web_login: Option<PathBuf>,
    /// Starts the load of the command line at once; the page is there all the same.
    #[arg(long, conflicts_with_all = ["headless", "tui"])]
    pub(crate) autostart: bool,
    /// Ends so many seconds after the run, with the exit code that it would have without the page.
    #[arg(long, value_name = "SECONDS", requires = "autostart")]
    pub(crate) autoquit: Option<u64>,
    /// Lets the page choose among the user classes.
    #[arg(long)]
    pub(crate) class_picker: bool,
}
