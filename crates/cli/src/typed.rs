//! The command as it was typed, for the record: without secrets, and without what the run file knows itself.
//! It must not know what any flag does.

/// What a secret is replaced by.
const HIDDEN: &str = "***";
/// Flags whose values nobody else is to read.
const SECRETS: [&str; 3] = ["--api-key", "--allowed-api-keys", "--jwt-public-key"];
/// Flags with a value that the run file knows better (the server may come from a variable, the seed may be drawn), or that
/// say where files go.
const KNOWN: [&str; 6] = ["--seed", "--host", "-H", "--out", "--csv", "--html"];
/// Words at most.
const WORDS_MAX: usize = 500;

/// `run` or `baseline` and what was typed behind it; `None` of other commands, which run more than once.
pub(crate) fn typed_command() -> Option<Vec<String>> {
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    recorded(words.take(WORDS_MAX))
}

fn recorded(words: impl IntoIterator<Item = String>) -> Option<Vec<String>> {
    let mut words = words.into_iter();
    let command = words.next().filter(|word| ["run", "baseline"].contains(&word.as_str()))?;
    let mut kept = vec![command];
    while let Some(word) = words.next() {
        let (flag, value) =
            word.split_once('=').map_or((word.as_str(), None), |(flag, value)| (flag, Some(value)));
        if KNOWN.contains(&flag) {
            if value.is_none() {
                words.next();
            }
        } else if word.starts_with("-H") {
            // The value stands right behind it.
        } else if SECRETS.contains(&flag) {
            if value.is_none() {
                words.next();
            }
            kept.extend([flag.to_owned(), HIDDEN.to_owned()]);
        } else {
            kept.push(without_password(&word));
        }
    }
    Some(kept)
}

/// An address without who logs in there, and without its parameters, which may hold the same.
fn without_password(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let rest = rest.rsplit_once('@').map_or(rest.to_owned(), |(_, place)| format!("{HIDDEN}@{place}"));
    let rest = rest.split_once('?').map_or(rest.clone(), |(place, _)| format!("{place}?{HIDDEN}"));
    format!("{scheme}://{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str, expected: Option<&str>) {
        let found = recorded(typed.split_whitespace().map(str::to_owned));
        assert_eq!(found.map(|words| words.join(" ")).as_deref(), expected, "{typed}");
    }

    #[test]
    fn no_secret_is_recorded() {
        check("run -f a.toml -u 5 --api-key s3cret -t 5s", Some("run -f a.toml -u 5 --api-key *** -t 5s"));
        check("run --out a -u 5 --csv=x --html y.html", Some("run -u 5"));
        check("run --api-key=s3cret --jwt-public-key s3cret", Some("run --api-key *** --jwt-public-key ***"));
        check("baseline --seed 7 -H http://u:s3cret@h --quick", Some("baseline --quick"));
        check("baseline --host=http://u:s3cret@h -Hhttp://s3cret@h --seed=7", Some("baseline"));
        check("baseline --redis redis://:s3cret@h:1/0", Some("baseline --redis redis://***@h:1/0"));
        check("run --redis=redis://h/0?password=s3cret", Some("run --redis=redis://h/0?***"));
        check("compare --repeat 3", None);
        check("", None);
    }
}
