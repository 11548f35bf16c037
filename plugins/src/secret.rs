//! Passwords where the user wrote them into something that is shown.

/// What the user wrote, without the password that does not belong there.
pub fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    // A password may hold an at sign or a slash that nobody has escaped: better too much is
    // left out than too little.
    let secret = rest.rfind('@').and_then(|end| {
        let (user, _) = rest[..end].split_once(':')?;
        Some((user, &rest[end..]))
    });
    match secret {
        Some((user, host)) => format!("{scheme}://{user}:...{host}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown_again() {
        for (text, shown) in [
            ("faces.jsonl", "faces.jsonl"),
            ("mqtt://host:1/t", "mqtt://host:1/t"),
            ("mqtt://jo@host:1/t", "mqtt://jo@host:1/t"),
            ("mqtt://jo:hunter2@host:1/t", "mqtt://jo:...@host:1/t"),
        ] {
            assert_eq!(without_password(text), shown);
        }
        for text in [
            "mqtt://jo:hun@hunter2@h/t",
            "mqtt://jo:a/hunter2@h/t",
            "mqtt://jo:hunter2@",
        ] {
            let shown = without_password(text);
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}
