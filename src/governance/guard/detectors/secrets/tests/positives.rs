//! What must be found, and as what. Values are put together here, so that no scanner stumbles over this file.

use super::{Dice, HEX_DIGITS, LETTERS_AND_DIGITS, assert_honest, values};

/// Gathers what went wrong, so that one run tells all.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    /// A text in which `{}` stands for the value that must be found, alone.
    fn check(&mut self, detector: &str, text: &str, value: &str) {
        let text = text.replace("{}", value);
        let found = values(&text);
        if found != [(detector, value)] {
            self.0.push(format!(
                "{text}\n  wanted {detector} {value}\n  found {found:?}"
            ));
        }
        assert_honest(&text);
    }

    fn none(self) {
        assert!(
            self.0.is_empty(),
            "{} faults\n{}",
            self.0.len(),
            self.0.join("\n")
        );
    }
}

#[test]
fn passwords_are_found_in_code_configuration_and_commands() {
    let mut faults = Faults::default();
    for value in [
        "hunter2",
        "S3cure!pass",
        "Tr0ub4dor&3",
        "xK9#mP2$vL7q",
        "p@ssw0rd-2024",
    ] {
        for text in [
            "password = \"{}\"",
            "password = '{}';",
            "const password: string = \"{}\";",
            "let dbPassword = `{}`;",
            "  \"password\": \"{}\",",
            "{\"user\": \"bob\", \"password\": \"{}\"}",
            "\"{\\\"password\\\": \\\"{}\\\"}\"",
            "{\\\"a\\\": \\\"{\\\\\\\"password\\\\\\\": \\\\\\\"{}\\\\\\\"}\\\"}",
            "DB_PASSWORD={}\nDB_HOST=x",
            "export PGPASSWORD='{}'",
            "docker run -e MYSQL_ROOT_PASSWORD={} mysql",
            "<add key=\"DbPassword\" value=\"{}\"/>",
            "{\"name\": \"DB_PASSWORD\", \"value\": \"{}\"}",
            "- name: DB_PASSWORD\n  value: \"{}\"",
            "mysql --password={} -u root",
            "cmd --password {} --verbose",
            "os.environ[\"DB_PASSWORD\"] = \"{}\"",
            "os.getenv(\"DB_PASSWORD\", \"{}\")",
            "if (password == \"{}\") {",
            "ALTER USER app IDENTIFIED BY '{}';",
            "CREATE USER app WITH PASSWORD '{}';",
            ".password(\"{}\")",
            "client.setPassword('{}');",
            "master_password   = \"{}\"",
            "password => '{}',",
            "$password = '{}';",
            "process.env.DB_PASSWORD || \"{}\"",
            "<name>db.password</name>\n<value>{}</value>",
            "<key>password</key>\n\t<string>{}</string>",
            "variable \"db_password\" {\n  default = \"{}\"",
            "ConvertTo-SecureString \"{}\" -AsPlainText",
            "flag.String(\"password\", \"{}\", \"\")",
            "--from-literal=password={}",
            "requirepass {}\n",
            "ENV DB_PASSWORD {}\n",
            "curl -u \"admin:{}\" https://a.example/",
            "define('DB_PASSWORD', '{}');",
            "public string DbPassword { get; set; } = \"{}\";",
            "variable \"db_password\" {\n  type    = string\n  default = \"{}\"\n}",
            "{\"name\": \"DB_PASSWORD\", \"type\": \"plain\", \"value\": \"{}\"}",
            "${DB_PASSWORD:-{}}",
            "curl https://a.example/ -d 'password={}&enabled=true&release=2.14.1'",
            "<b>password:</b> {}<br>",
            "<ul><li>db_password: <b>{}</b></li></ul>",
            "<tr><td>Password</td><td>{}</td></tr>",
            "auth = HTTPBasicAuth(username=\"u\", password=\"{}\")",
        ] {
            if value.contains('&') && text.contains("value>") {
                continue;
            }
            let name = if text.contains("curl -u") {
                "command_password"
            } else {
                "password_assignment"
            };
            faults.check(name, text, value);
        }
    }
    for value in ["hunter2", "S3cure!pass", "p@ssw0rd-2024"] {
        for text in [
            "password: {}",
            "spring.datasource.password={}\n",
            "password = {}\n[other]",
            "  password: {}\n  user: x",
            "<password>{}</password>",
            "<property name=\"password\">{}</property>",
            "Server=db;User=sa;Password={};Timeout=3",
            "machine api.example.org login bob password {}",
            "| password | {} |",
        ] {
            faults.check("password_assignment", text, value);
        }
    }
    faults.none();
}

#[test]
fn passwords_are_found_in_arguments() {
    let mut faults = Faults::default();
    faults.check("command_password", "mysql -u root -p{} db", "hunter2");
    faults.check("command_password", "sshpass -p {} ssh host", "hunter2x");
    faults.check(
        "password_argument",
        "requests.get(url, auth=(\"bob\", \"{}\"))",
        "hunter2x",
    );
    faults.check(
        "password_argument",
        "req.SetBasicAuth('bob', '{}')",
        "hunter2x",
    );
    faults.check(
        "password_argument",
        "server.login(\"bob@example.org\", \"{}\")",
        "S3cret!x",
    );
    faults.check("pgpass_password", "db.internal:5432:app:bob:{}", "hunter2x");
    faults.none();
}

#[test]
fn passwords_are_found_in_prose_of_several_languages() {
    let mut faults = Faults::default();
    for text in [
        "my password is {}.",
        "My password is {}, please change it",
        "the root password: {}.",
        "the password for the staging db is {}",
        "The password is `{}`.",
        "password is \"{}\"",
        "**Password:** {}",
        "- **Password**: `{}`",
        "pw: {}",
        "Password for bob: {}",
        "password (temporary): {}",
        "I set the password to {} yesterday",
        "log in with password {} please",
        "das Passwort lautet {}.",
        "mein Passwort ist {}",
        "le password est {}.",
        "la contraseña es {}",
        "a senha é {}.",
        "het wachtwoord is {}",
        "salasana on {}",
        "le mot de passe est {}.",
        "mot de passe : {}, merci de confirmer.",
        "Pouvez-vous vérifier (mot de passe « {} ») ?",
        "For the record, the password reads '{}'; keep it safe.",
        "Проверьте пароль «{}», пожалуйста.",
        "the password of user admin on db01.example.org is {}",
        "The password is:\n\n```\n{}\n```\n",
        "Password:\n{}\n",
        "password - {}",
        "password — {}",
        "password changed to {}",
        "new password → {}",
        "wifi password \"{}\"",
        "pass: {}",
        "my pass is {}",
        "パスワードは「{}」です",
        "the password is “{}”.",
        "비밀번호는 {}입니다",
        "пароль: {}",
        "мой пароль {}",
        "密码是{}。",
        "密码：{}",
        "パスワードは{}です",
        "비밀번호는 {}",
    ] {
        for value in ["hunter2", "Winter2024", "Tr0ub4dor&3x"] {
            faults.check("password_assignment", text, value);
        }
    }
    faults.check("password_assignment", "my password is {}", "hunter2!");
    faults.check("password_assignment", "credentials: admin:{}", "S3cret99x");
    faults.check(
        "password_assignment",
        "credentials: admin/S3cret99x",
        "S3cret99x",
    );
    faults.none();
}

#[test]
fn passphrases_and_letters_without_sense_are_found_where_a_password_is_announced() {
    let mut faults = Faults::default();
    for value in [
        "maple-tiger-47-raven",
        "Maple3-Tiger-Raven-Stone",
        "stone_maple_2041_tiger",
    ] {
        for text in [
            "password = \"{}\"",
            "DB_PASSWORD={}\n",
            "password: {}\n",
            "[db]\npassword = {}\n",
            "<password>{}</password>",
            "my password is {}.",
            "мой пароль: {}.",
        ] {
            faults.check("password_assignment", text, value);
        }
    }
    for value in ["maple-tiger-raven-stone", "xkqzvjwpbf", "wqkzPxvj"] {
        for text in ["password = \"{}\"", "DB_PASSWORD={}\n"] {
            faults.check("password_assignment", text, value);
        }
    }
    faults.none();
}

#[test]
fn keys_and_tokens_are_found_by_their_names() {
    let mut faults = Faults::default();
    let mut dice = Dice(5);
    for _ in 0..20 {
        let value = dice.pick(LETTERS_AND_DIGITS, 32);
        let hex = dice.pick(HEX_DIGITS, 40);
        for value in [&value, &hex] {
            for text in [
                "API_KEY={}",
                "api_key = \"{}\"",
                "\"apiKey\": \"{}\"",
                "x-api-key: {}",
                "X-API-Key: {}\r\n",
                "ENCRYPTION_KEY='{}'",
                "?api_key={}&x=1",
                "the API key reads '{}'; keep it safe",
                "public string EncryptionKey { get; set; } = \"{}\";",
                "https://x.example/a?b=1&apikey={}",
                "my API key is {}.",
                "API key: {}",
                "the api key for prod is {}",
                "apikey: '{}'",
                "API key {} does not work",
                "my Hetzner key is {}",
                "private_key = \"0x{}\"",
            ] {
                if text.contains("0x") {
                    let text = text.replace("0x{}", "{}");
                    faults.check("api_key_assignment", &text, &format!("0x{value}"));
                } else {
                    faults.check("api_key_assignment", text, value);
                }
            }
            for text in [
                "access_token: {}",
                "AUTH_TOKEN={}",
                "token = \"{}\"",
                "my token is {}",
                "--token {}",
                "<token>{}</token>",
                "&token={}",
            ] {
                faults.check("token_assignment", text, value);
            }
            for text in [
                "client_secret = \"{}\"",
                "JWT_SECRET={}",
                "\"clientSecret\":\"{}\"",
                "secret: {}",
                "\\\"secret\\\": \\\"{}\\\"",
                "SECRET_KEY = '{}'",
            ] {
                faults.check("secret_assignment", text, value);
            }
            faults.check(
                "bearer_token",
                "curl -H 'Authorization: Bearer {}' https://x",
                value,
            );
            faults.check("authorization_header", "Authorization: Token {}", value);
            faults.check(
                "session_cookie",
                "Cookie: theme=dark; sessionid={}; x=y",
                value,
            );
        }
        faults.check(
            "heroku_api_key",
            "HEROKU_API_KEY={}",
            "3f2a9c1e-7b4d-4e8f-9a6c-1d2e3f4a5b6c",
        );
        let key = dice.pick(LETTERS_AND_DIGITS, 40);
        faults.check("aws_secret_access_key", "aws_secret_access_key = {}", &key);
        faults.check(
            "azure_storage_key",
            "AccountName=x;AccountKey={};EndpointSuffix=x",
            &format!("{key}{key}a1Bc2d=="),
        );
        faults.check("npm_token", "//registry.npmjs.org/:_authToken={}", &value);
    }
    faults.none();
}

#[test]
fn shapes_are_found_wherever_they_stand() {
    let mut faults = Faults::default();
    faults.check(
        "url_password",
        "postgres://app:{}@db.internal:5432/x",
        "s3cr3tP4ss",
    );
    faults.check(
        "url_password",
        "smtp://app:{}@mail.internal:587",
        "raven-mosaic-816-violet%40QZe",
    );
    faults.check("url_password", "redis://:{}@cache:6379", "hunter2");
    faults.check(
        "url_password",
        "DATABASE_URL=\"mysql://root:{}@10.0.0.1/x\"",
        "p@ss#w0rd",
    );
    faults.check(
        "url_password",
        "see https://bob:{}@git.example.org/r.git.",
        "supersecret",
    );
    faults.check(
        "basic_auth",
        "Authorization: Basic {}",
        "YWRtaW46aHVudGVyMg==",
    );
    faults.check(
        "basic_auth",
        "{\"auths\": {\"r.example\": {\"auth\": \"{}\"}}}",
        "YWRtaW46aHVudGVyMg==",
    );
    let sas = format!("{}%3D", Dice(31).pick(LETTERS_AND_DIGITS, 43));
    faults.check(
        "azure_sas_signature",
        "https://x.blob.example/c?sv=2022-11-02&sig={}&se=x",
        &sas,
    );
    let id = format!(
        "AKIA{}",
        Dice(14).pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)
    );
    let secret = Dice(15).pick(LETTERS_AND_DIGITS, 40);
    let found = values(&format!("{id} / {secret}")).len();
    assert_eq!(found, 2);
    let signature = Dice(9).pick(LETTERS_AND_DIGITS, 43);
    let jwt = format!(
        "{}.{}.{signature}",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "eyJzdWIiOiI0MiIsIm5hbWUiOiJBbmEifQ"
    );
    faults.check("jwt", "Bearer {}", &jwt);
    faults.check("jwt", "the token {}.", &jwt);
    faults.check("jwt", "{\"t\":\"{}\"}", &jwt);
    let number = "MTA5OTg3NjU0MzIxMDk4NzY1NA";
    let discord = format!("{number}.GaB3cD.{}", Dice(2).pick(LETTERS_AND_DIGITS, 38));
    faults.check("discord_token", "client.run('{}')", &discord);
    let drawn = format!(
        "MT{}.YbJPiN.{}",
        "VH7L03J49SrICyvazgGvefQG",
        Dice(2).pick(LETTERS_AND_DIGITS, 38)
    );
    faults.check("discord_token", "my key is {}.", &drawn);
    let telegram = format!("7123456789:AA{}", Dice(4).pick(LETTERS_AND_DIGITS, 33));
    faults.check("telegram_bot_token", "bot {} ok", &telegram);
    faults.check(
        "telegram_bot_token",
        "https://api.telegram.org/bot{}/getMe",
        &telegram,
    );
    let azure = format!("aB38{}{}", "Q~", Dice(6).pick(LETTERS_AND_DIGITS, 34));
    faults.check("azure_client_secret", "secret {} x", &azure);
    let mailchimp = format!("{}-us12", Dice(8).pick(HEX_DIGITS, 32));
    faults.check("mailchimp_api_key", "x {}.", &mailchimp);
    let twilio = format!("SK{}", Dice(8).pick(HEX_DIGITS, 32));
    faults.check("twilio_key", "x {}.", &twilio);
    let slack = format!(
        "https://hooks.slack.com/services/T0{}/B0{}/{}",
        "AB12CD34E",
        "EF56GH78I",
        Dice(12).pick(LETTERS_AND_DIGITS, 24)
    );
    faults.check("slack_webhook", "post to {}.", &slack);
    faults.none();
}

#[test]
fn private_keys_are_found_whole() {
    let mut faults = Faults::default();
    let mut dice = Dice(21);
    let lines: Vec<String> = (0..3).map(|_| dice.pick(LETTERS_AND_DIGITS, 64)).collect();
    for label in [
        "RSA PRIVATE KEY",
        "PRIVATE KEY",
        "EC PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ] {
        for joint in ["\n", "\\n", "\r\n", "\\\\n"] {
            let key = format!(
                "-----BEGIN {label}-----{joint}{}{joint}-----END {label}-----",
                lines.join(joint)
            );
            faults.check("private_key", "key: {}\nok", &key);
            faults.check("private_key", "{\"private_key\": \"{}\\n\"}", &key);
        }
    }
    let encoded = format!("LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t{}", lines.concat());
    faults.check("private_key", "data:\n  tls.key: {}\n", &encoded);
    let long: Vec<String> = (0..30).map(|_| dice.pick(LETTERS_AND_DIGITS, 64)).collect();
    let key = format!(
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
        long.join("\n")
    );
    faults.check("private_key", "{}\nok", &key);
    faults.none();
}
