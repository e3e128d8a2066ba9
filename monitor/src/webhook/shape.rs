//! What each receiver of webhooks wants to be told, and how it says that it was.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carillon_core::announcement::Announcement;
use carillon_core::incident::Incident;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;
use url::Url;

use super::post::{Answer, PostError, Request};
use crate::letter::Letter;

carillon_core::words! {
    /// Who receives a webhook.
    Shape, "webhook shape" {
        /// A program of one's own: everything as JSON, signed.
        Plain = "plain",
        /// Slack, Mattermost, Rocket.Chat.
        Slack = "slack",
        /// DingTalk, 钉钉.
        DingTalk = "dingtalk",
        /// WeCom, 企业微信.
        WeCom = "wecom",
        /// Feishu, 飞书, and Lark.
        Feishu = "feishu",
    }
}

/// A request without its content.
pub(crate) struct Draft {
    shape: Shape,
    target: String,
    secret: Option<String>,
    now: Timestamp,
}

impl Shape {
    /// Begins a request at `now` by this machine's clock, which signatures hold.
    pub(crate) fn request(self, url: &Url, secret: Option<&str>, now: Timestamp) -> Draft {
        let mut url = url.clone();
        if let (Shape::DingTalk, Some(secret)) = (self, secret) {
            let millis = now.as_millisecond();
            let signature = sign(secret.as_bytes(), format!("{millis}\n{secret}").as_bytes());
            url.query_pairs_mut()
                .append_pair("timestamp", &millis.to_string())
                .append_pair("sign", &STANDARD.encode(signature));
        }
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        Draft {
            shape: self,
            target,
            secret: secret.map(str::to_owned),
            now,
        }
    }

    /// Whether the receiver took it. Chat rooms answer 200 to everything and say in the body what they think.
    pub(crate) fn judge(self, answer: &Answer) -> Result<String, PostError> {
        match answer.status {
            200..=299 => {}
            408 | 425 | 429 | 500..=599 => return Err(PostError::Unavailable(answer.status)),
            status => return Err(PostError::Refused(format!("it answered {status}"))),
        }
        let key = match self {
            Shape::Plain | Shape::Slack => return Ok(answer.status.to_string()),
            Shape::DingTalk | Shape::WeCom => "errcode",
            Shape::Feishu => "code",
        };
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match said[key].as_i64() {
            Some(0) => Ok("0".to_owned()),
            Some(code) => {
                let words = said["errmsg"]
                    .as_str()
                    .or(said["msg"].as_str())
                    .unwrap_or_default();
                Err(PostError::Refused(format!("it answered {code} {words}")))
            }
            None => Err(PostError::Refused(
                "its answer is not understood".to_owned(),
            )),
        }
    }
}

impl Draft {
    /// Leaves it without content.
    pub(crate) fn empty(self) -> Request {
        Request {
            target: self.target,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Fills in what is told.
    pub(crate) fn fill(
        self,
        letter: &Letter,
        announcement: &Announcement,
        identity: &str,
    ) -> Request {
        let body = match self.shape {
            Shape::Plain => plain(letter, announcement, identity),
            Shape::Slack => json!({ "text": slack(letter) }),
            Shape::DingTalk => json!({
                "msgtype": "markdown",
                "markdown": { "title": letter.headline, "text": markdown(letter) },
            }),
            Shape::WeCom => json!({
                "msgtype": "markdown",
                "markdown": { "content": cut(&markdown(letter), WECOM_BYTES_MAX) },
            }),
            Shape::Feishu => self.feishu(letter),
        };
        let body = body.to_string().into_bytes();
        let mut headers = Vec::new();
        if let (Shape::Plain, Some(secret)) = (self.shape, &self.secret) {
            let seconds = self.now.as_second().to_string();
            let signed = [seconds.as_bytes(), b".", &body].concat();
            let signature = hex(&sign(secret.as_bytes(), &signed));
            headers.push(("x-carillon-timestamp", seconds));
            headers.push(("x-carillon-signature", format!("sha256={signature}")));
        }
        Request {
            target: self.target,
            headers,
            body,
        }
    }

    fn feishu(&self, letter: &Letter) -> Value {
        let mut body = json!({ "msg_type": "text", "content": { "text": plain_text(letter) } });
        if let Some(secret) = &self.secret {
            let seconds = self.now.as_second().to_string();
            // The key is what is signed, and the message is empty: so its makers chose.
            let signature = sign(format!("{seconds}\n{secret}").as_bytes(), b"");
            body["timestamp"] = json!(seconds);
            body["sign"] = json!(STANDARD.encode(signature));
        }
        body
    }
}

/// WeCom refuses longer texts.
const WECOM_BYTES_MAX: usize = 4096;
/// The most incidents and lines that a chat room is told.
const LINES_MAX: usize = 15;

fn sign(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length serves");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn plain(letter: &Letter, announcement: &Announcement, identity: &str) -> Value {
    let incident = |incident: &Incident| {
        json!({
            "id": incident.id,
            "rule": incident.rule,
            "subject": incident.subject,
            "since_at": incident.since_at,
            "resolved_at": incident.resolved_at,
            "trouble_count": incident.trouble_count,
            "evidence": incident.evidence,
        })
    };
    json!({
        "id": identity,
        "event": announcement.owed,
        "made_at": announcement.made_at,
        "headline": letter.headline,
        "lead": letter.lead,
        "url": letter.link.as_ref().map(|link| &link.url),
        "incidents": announcement.incidents.iter().map(incident).collect::<Vec<_>>(),
    })
}

/// The lines below the headline: what each incident is, or the last output.
fn lines(letter: &Letter) -> Vec<&str> {
    let items = letter.items.iter().map(|item| item.headline.as_str());
    let skipped = letter.output.len().saturating_sub(LINES_MAX);
    let output = letter.output.iter().skip(skipped).map(String::as_str);
    items.take(LINES_MAX).chain(output).collect()
}

fn slack(letter: &Letter) -> String {
    let escape = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    let mut text = format!(
        "*{}*\n{}",
        escape(&letter.headline).replace('*', "·"),
        escape(&letter.lead)
    );
    let lines = lines(letter);
    if !lines.is_empty() {
        let shown = escape(&lines.join("\n")).replace('`', "'");
        text.push_str(&format!("\n```\n{shown}\n```"));
    }
    if let Some(link) = &letter.link {
        text.push_str(&format!("\n<{}|{}>", link.url, escape(link.label)));
    }
    text
}

fn markdown(letter: &Letter) -> String {
    // What a command wrote must not become a heading, a link or a mention.
    let escape = |text: &str| -> String {
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '!' => {
                    escaped.extend(['\\', c])
                }
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '@' => escaped.push('＠'),
                c => escaped.push(c),
            }
        }
        escaped
    };
    let mut text = format!(
        "### {}\n\n{}\n",
        escape(&letter.headline),
        escape(&letter.lead)
    );
    for line in lines(letter) {
        text.push_str(&format!("\n> {}\n", escape(line)));
    }
    if let Some(link) = &letter.link {
        text.push_str(&format!("\n[{}]({})\n", link.label, link.url));
    }
    text
}

fn plain_text(letter: &Letter) -> String {
    let mut text = format!("{}\n{}", letter.headline, letter.lead);
    for line in lines(letter) {
        text.push('\n');
        // A mention of everybody is a tag in these rooms.
        text.push_str(&line.replace('<', "＜"));
    }
    if let Some(link) = &letter.link {
        text.push_str(&format!("\n{}: {}", link.label, link.url));
    }
    text
}

fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn chat_rooms_that_refuse_with_200_are_understood() {
        assert!(
            Shape::DingTalk
                .judge(&answer(200, r#"{"errcode":0}"#))
                .is_ok()
        );
        let refused = Shape::DingTalk
            .judge(&answer(
                200,
                r#"{"errcode":310000,"errmsg":"sign not match"}"#,
            ))
            .unwrap_err();
        assert!(refused.to_string().contains("sign not match"), "{refused}");
        assert!(Shape::Feishu.judge(&answer(200, r#"{"code":0}"#)).is_ok());
        assert!(Shape::WeCom.judge(&answer(200, "<html>")).is_err());
        assert!(Shape::Slack.judge(&answer(200, "ok")).is_ok());
    }

    #[test]
    fn an_overloaded_receiver_is_tried_again_and_a_wrong_address_is_not() {
        assert!(
            Shape::Plain
                .judge(&answer(503, ""))
                .unwrap_err()
                .is_passing()
        );
        assert!(
            Shape::Plain
                .judge(&answer(429, ""))
                .unwrap_err()
                .is_passing()
        );
        assert!(
            !Shape::Plain
                .judge(&answer(404, ""))
                .unwrap_err()
                .is_passing()
        );
        assert!(
            !Shape::Plain
                .judge(&answer(302, ""))
                .unwrap_err()
                .is_passing()
        );
    }

    #[test]
    fn dingtalk_gets_its_time_and_signature_in_the_address() {
        let url: Url = "https://oapi.dingtalk.com/robot/send?access_token=t"
            .parse()
            .unwrap();
        let now = Timestamp::from_millisecond(1_577_262_236_757).unwrap();

        let draft = Shape::DingTalk.request(&url, Some("this is secret"), now);

        let signed = "/robot/send?access_token=t&timestamp=1577262236757&sign=";
        assert!(draft.target.starts_with(signed), "{}", draft.target);
    }

    #[test]
    fn a_signature_is_the_one_of_the_standard() {
        // RFC 4231, test case 2.
        assert_eq!(
            hex(&sign(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
