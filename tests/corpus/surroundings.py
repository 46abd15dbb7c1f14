"""What stands around a value: sentences in twelve languages, chat, Markdown, data formats, code, logs.

A detector that knows a card number by heart may still lose it between two Japanese words or behind an escaped quote, so
the surroundings are half of the corpus. `Text` keeps the labels right while a text grows: whatever is written through
`value` is labelled at its exact code points, whatever is written through `add` is not.

Invariant: nothing here looks like personal data or a credential by itself.
"""

import re

from values import Value

URL_SAFE = re.compile(r"[A-Za-z0-9._~:@-]+\Z")


class Text:
    """A text under construction and the labels in it."""

    def __init__(self):
        self.parts, self.spans, self.length = [], [], 0

    def add(self, text):
        self.parts.append(text)
        self.length += len(text)
        return self

    def value(self, value, escape=None):
        text = escape(value.text) if escape else value.text
        end = self.length + len(text)
        self.spans.append({"start": self.length, "end": end, "type": value.type, "value_kind": value.kind})
        return self.add(text)

    def fill(self, template, **slots):
        """Writes a template; a slot holds a word or a `Value`, and `§name§` marks its place."""
        for place, part in enumerate(template.split("§")):
            slot = slots[part] if place % 2 else part
            if isinstance(slot, Value):
                self.value(slot)
            else:
                self.add(slot)
        return self

    def __str__(self):
        return "".join(self.parts)


# ---- sentences: §w§ is the announcing word, §v§ the value

SAID = {
    "en": ("My §w§ is §v§.", "Please note the §w§: §v§.", "The §w§ on file (§v§) is out of date.", "§w§ §v§ was declined yesterday.",
           "Could you check §w§ \"§v§\" for me?", "I gave them my §w§, §v§, last week.", "New §w§ — §v§ — please confirm.",
           "For the record, the §w§ reads '§v§'; keep it safe."),
    "de": ("Meine Angabe (§w§) lautet §v§.", "§w§: §v§, bitte vertraulich behandeln.", "Können Sie §w§ „§v§“ prüfen?", "Für Rückfragen: §w§ §v§."),
    "fr": ("Voici mon §w§ : §v§.", "§w§ : §v§, merci de confirmer.", "Pouvez-vous vérifier (§w§ « §v§ ») ?", "J'ai noté §w§ §v§ hier."),
    "es": ("Mi §w§ es §v§.", "§w§: §v§, por favor confirme.", "¿Puede revisar §w§ «§v§»?", "Anoté §w§ §v§ ayer."),
    "it": ("Il mio §w§ è §v§.", "§w§: §v§, grazie.", "Può verificare §w§ «§v§»?"),
    "pt": ("Meu §w§ é §v§.", "§w§: §v§, obrigado.", "Pode verificar §w§ \"§v§\"?"),
    "nl": ("Mijn §w§ is §v§.", "§w§: §v§, graag bevestigen.", "Kunt u §w§ '§v§' controleren?"),
    "pl": ("Mój §w§ to §v§.", "§w§: §v§, proszę o potwierdzenie.", "Czy mogą Państwo sprawdzić §w§ „§v§”?"),
    "sv": ("Mitt §w§ är §v§.", "§w§: §v§, tack."),
    "fi": ("Minun §w§ on §v§.", "§w§: §v§, kiitos."),
    "ja": ("私の§w§は§v§です。", "§w§：§v§。", "§w§「§v§」を確認してください。", "§w§は§v§に変わりました。"),
    "zh": ("我的§w§是§v§，谢谢。", "§w§：§v§。", "请核对§w§“§v§”是否正确。", "新的§w§为§v§请更新"),
    "ko": ("제 §w§는 §v§입니다.", "§w§: §v§ 확인 부탁드립니다.", "§w§ '§v§'로 바꿔 주세요."),
    "ru": ("Мой §w§: §v§.", "Проверьте §w§ «§v§», пожалуйста.", "Запишите §w§ §v§, это важно."),
}
# For values that need no announcement.
BARE = {
    "en": ("Take §v§ from now on.", "We saw §v§ twice this morning, then nothing.", "It was §v§, wasn't it?", "(§v§)", "Old: §v§; new one follows.",
           "See [§v§] in the attachment.", "**§v§** is the one.", "> §v§", "`§v§` should work.", "- §v§", "Use §v§…"),
    "de": ("Bitte ab sofort §v§ verwenden.", "Größe und Menü§v§über alles.", "Es war §v§, oder?", "Übrigens: §v§!"),
    "fr": ("Utilisez §v§ désormais.", "C'est bien §v§, n'est-ce pas ?", "déjà§v§été noté"),
    "es": ("Use §v§ a partir de ahora.", "¿Era §v§?", "nº§v§útil"),
    "it": ("D'ora in poi usate §v§.", "Perché§v§è tutto."),
    "pt": ("Use §v§ daqui em diante.", "Não§v§é isso."),
    "nl": ("Gebruik voortaan §v§.",),
    "pl": ("Od dziś używamy §v§.", "To jest §v§!"),
    "ja": ("これからは§v§を使ってください。", "§v§でお願いします。", "昨日§v§を見ました。"),
    "zh": ("请从现在起使用§v§，谢谢。", "是§v§吗？", "昨天看到§v§两次。"),
    "ko": ("앞으로는 §v§를 사용하세요.", "어제§v§를 봤어요."),
    "ru": ("С сегодняшнего дня используем §v§.", "Это был §v§?", "№§v§и всё"),
}
FILLER = {
    "en": ("Thanks for the quick reply.", "The parcel should arrive on Tuesday.", "Order 48213 has shipped.", "Version 2.14.1 fixed the crash."),
    "de": ("Vielen Dank für die schnelle Antwort.", "Das Paket kommt am Dienstag.", "Schöne Grüße aus Zürich!"),
    "fr": ("Merci pour votre réponse rapide.", "Le colis arrive mardi.", "À bientôt !"),
    "es": ("Gracias por la respuesta.", "El paquete llega el martes.", "¡Hasta mañana!"),
    "it": ("Grazie per la risposta.", "Il pacco arriva martedì.", "A più tardi!"),
    "pt": ("Obrigado pela resposta.", "A encomenda chega na terça.", "Até já!"),
    "nl": ("Bedankt voor het snelle antwoord.", "Het pakket komt dinsdag."),
    "pl": ("Dziękuję za szybką odpowiedź.", "Paczka przyjdzie we wtorek."),
    "sv": ("Tack för det snabba svaret.", "Paketet kommer på tisdag."),
    "fi": ("Kiitos nopeasta vastauksesta.", "Paketti saapuu tiistaina."),
    "ja": ("ご連絡ありがとうございます。", "荷物は火曜日に届きます。"),
    "zh": ("感谢您的回复。", "包裹周二到。"),
    "ko": ("빠른 답변 감사합니다.", "소포는 화요일에 도착합니다."),
    "ru": ("Спасибо за быстрый ответ.", "Посылка придёт во вторник."),
}
CHAT = (
    "hey my §w§ is §v§!!", "§w§ §v§ pls", "so its §v§ (§w§), right?", "lol wrong §w§, use §v§ instead...", "§w§=§v§ ok?", "fyi §w§: §v§; ty",
    "can u add the §w§ \"§v§\"?", "the §w§, §v§, still works", "**§w§:** §v§", "§w§: `§v§`", "- §w§: §v§", "> §w§ is §v§", "here's the §w§\n§v§\nthx", "§w§ -> §v§",
    "| §w§ | §v§ |", "<b>§w§:</b> §v§<br>", "*§w§* §v§", "i think the §w§ was §v§?", "§w§ is '§v§'.",
)
CHAT_BARE = ("try §v§!", "§v§, thats it", "it's §v§.", "(§v§)", "“§v§”", "~~§v§~~ is dead", "§v§?", "§v§...", "[§v§]", "`§v§`.", "***§v§***", "<p>§v§</p>", "got §v§; worked", "😀§v§😀")


def languages(values):
    shared = set(SAID)
    for value in values:
        shared &= set(value.words)
    return sorted(shared)


def prose(rng, values, language=None):
    """A few sentences in one language, each with a value, between others without."""
    language = language or rng.choice(languages(values))
    text, gap = Text(), "" if language in ("ja", "zh") else rng.choice((" ", " ", "\n"))
    pieces = [(value,) for value in values] + [filler for filler in rng.sample(FILLER[language], rng.randint(0, 2))]
    rng.shuffle(pieces)
    for place, piece in enumerate(pieces):
        text.add(gap if place else "")
        if isinstance(piece, str):
            text.add(piece)
            continue
        value = piece[0]
        if value.bare and language in BARE and rng.random() < 0.4:
            template = rng.choice([said for said in BARE[language] if not glues(said, value, language)])
        else:
            template = rng.choice([said for said in SAID[language] if value.bare or announces(said, value)])
        text.add("\n" if template.startswith(("> ", "- ")) else "")
        text.fill(template, v=value, w=value.words.get(language, ""))
    return text


def glues(template, value, language):
    """Whether a letter would touch a value whose own alphabet makes its edge a matter of opinion."""
    touching = re.search(r"[^\W\d_]§v|v§[^\W\d_]", template)
    return bool(touching) and value.type in ("EMAIL", "SECRET", "PHONE") and language not in ("ja", "zh", "ko")


ANNOUNCED = re.compile(r"[:：=>\"'„“«「`|是为は는]|\b(is|was|reads|lautet|est|es|è|é|to|on|är)\b")


def announces(template, value):
    """Whether a template ties word and value together closely enough for a password, which has no form of its own."""
    if value.type != "SECRET":
        return True
    before, found, after = template.partition("§w§")
    between = after.partition("§v§")[0]
    return bool(found) and "§v§" not in before and "file" not in between and bool(ANNOUNCED.search(between))


def chat(rng, values):
    """Lines as people type them, with whatever punctuation falls behind the value."""
    text = Text()
    for place, value in enumerate(values):
        text.add(rng.choice(("\n", "\n", " ")) if place else "")
        if value.bare and rng.random() < 0.5:
            text.fill(rng.choice(CHAT_BARE), v=value)
        else:
            template = rng.choice([said for said in CHAT if value.bare or announces(said, value)])
            text.fill(template, v=value, w=value.words["en"])
    return text


# ---- fields: (name, value or harmless text) pairs in some notation

NOISE = (
    ("status", "active"), ("order_id", "A-20391"), ("created", "2026-03-14"), ("retries", "3"), ("region", "eu-central-1"), ("customer", "Ivo Lind"),
    ("release", "2.14.1"), ("amount", "129.90"), ("lang", "de-CH"), ("note", "call back on Monday"), ("enabled", "true"), ("city", "Zürich"), ("path", "/srv/app/data"),
)


def upper(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).replace(".", "_").upper()


def snake(name):
    return upper(name).lower()


def camel(name):
    first, *rest = snake(name).split("_")
    return first + "".join(word.title() for word in rest)


def pascal(name):
    return "".join(word.title() for word in snake(name).split("_"))


def json_text(text):
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def per_field(template, name=snake, between="\n", before="", after="", escape=None):
    """One notation: `template` for every field with §k§ and §v§, something before and after all of them."""
    def write(rng, fields):
        text = Text().add(before)
        for place, (key, value) in enumerate(fields):
            text.add(between if place else "")
            for turn, part in enumerate(template.split("§")):
                if turn % 2 == 0:
                    text.add(part)
                elif part == "k":
                    text.add(name(key))
                elif isinstance(value, Value):
                    text.value(value, escape)
                else:
                    text.add(escape(value) if escape else value)
        return text.add(after)
    return write


def table(row, cell, head=None, name=snake):
    """Names in one line, values in the next: the name is not beside its value."""
    def write(rng, fields):
        text = Text()
        start, end = row
        text.add(start + (head or cell).join(name(key) for key, _ in fields) + end)
        text.add(start)
        for place, (_, value) in enumerate(fields):
            text.add(cell if place else "")
            text.value(value) if isinstance(value, Value) else text.add(value)
        return text.add(end)
    return write


def quoted(text):
    return json_text(json_text(text))


BESIDE = {
    "json": per_field('"§k§":"§v§"', between=",", before="{", after="}", escape=json_text),
    "json_camel": per_field('  "§k§": "§v§"', name=camel, between=",\n", before="{\n", after="\n}", escape=json_text),
    "json_in_json": per_field('\\"§k§\\":\\"§v§\\"', between=",", before='{"event":"update","payload":"{', after='}"}', escape=quoted),
    "json_in_json_spaced": per_field('\\"§k§\\": \\"§v§\\"', name=camel, between=", ", before='{"role":"tool","content":"{', after='}","n":1}', escape=quoted),
    "json_thrice": per_field('\\\\\\"§k§\\\\\\":\\\\\\"§v§\\\\\\"', between=",", before='{"a":"{\\"b\\":\\"{', after='}\\"}"}'),
    "json_pairs": per_field('{"name":"§k§","value":"§v§"}', between=",", before="[", after="]", escape=json_text),
    "python_dict": per_field("'§k§': '§v§'", between=", ", before="payload = {", after="}\nclient.post(url, json=payload)"),
    "xml": per_field("  <§k§>§v§</§k§>", before='<?xml version="1.0"?>\n<record>\n', after="\n</record>"),
    "xml_tight": per_field("<§k§>§v§</§k§>", name=pascal, between="", before="<Record>", after="</Record>"),
    "xml_attributes": per_field('§k§="§v§"', name=camel, between=" ", before="<user ", after="/>"),
    "xml_siblings": per_field("<property><name>§k§</name><value>§v§</value></property>", between="\n  ", before="<configuration>\n  ", after="\n</configuration>"),
    "xml_add": per_field('<add key="§k§" value="§v§" />', name=pascal, between="\n  ", before="<appSettings>\n  ", after="\n</appSettings>"),
    "html_list": per_field("<li>§k§: <b>§v§</b></li>", between="", before="<ul>", after="</ul>"),
    "html_form": per_field('<input type="text" name="§k§" value="§v§">', between="\n"),
    "yaml": per_field("§k§: §v§", before="config:\n  ", between="\n  "),
    "yaml_quoted": per_field('  §k§: "§v§"', before="user:\n"),
    "yaml_env": per_field('        - name: §k§\n          value: "§v§"', name=upper, before="      env:\n"),
    "compose": per_field("      - §k§=§v§", name=upper, before="services:\n  app:\n    image: app:2\n    environment:\n"),
    "env": per_field('§k§="§v§"', name=upper, before="# local settings\n"),
    "env_bare": per_field("§k§=§v§", name=upper),
    "export": per_field("export §k§='§v§'", name=upper),
    "dockerfile": per_field("ENV §k§=§v§", name=upper, before="FROM debian:12-slim\n", after="\nCMD [\"app\"]"),
    "ini": per_field("§k§ = §v§", before="[account]\n"),
    "toml": per_field('§k§ = "§v§"', before="[profile]\n"),
    "properties": per_field("app.§k§=§v§", name=camel),
    "hcl": per_field('  §k§ = "§v§"', before='resource "app_user" "main" {\n', after="\n}"),
    "hcl_variable": per_field('variable "§k§" {\n  type    = string\n  default = "§v§"\n}'),
    "python": per_field('§k§ = "§v§"', before="import os\n\n", after="\nrun()"),
    "python_upper": per_field("§k§ = '§v§'", name=upper, before="# settings.py\nDEBUG = False\n"),
    "python_call": per_field('§k§="§v§"', between=", ", before="client = Client(", after=")"),
    "javascript": per_field("const §k§ = '§v§';", name=camel, before="import { api } from './api.js';\n"),
    "js_object": per_field('  §k§: "§v§"', name=camel, between=",\n", before="export default {\n", after=",\n};"),
    "typescript": per_field("  private readonly §k§: string = '§v§';", name=camel, before="class Config {\n", after="\n}"),
    "go": per_field('\t§k§ := "§v§"', name=camel, before="func main() {\n", after="\n}"),
    "go_struct": per_field('\t§k§: "§v§",', name=pascal, before="return &User{\n", after="\n}"),
    "java": per_field('    private static final String §k§ = "§v§";', name=upper, before="class Settings {\n", after="\n}"),
    "kotlin": per_field('val §k§ = "§v§"', name=camel),
    "csharp": per_field('    public string §k§ { get; set; } = "§v§";', name=pascal),
    "rust": per_field('    let §k§ = "§v§";', before="fn main() {\n", after="\n}"),
    "ruby": per_field(":§k§ => '§v§'", between=", ", before="User.create(", after=")"),
    "php": per_field("$§k§ = '§v§';", before="<?php\n"),
    "php_define": per_field("define('§k§', '§v§');", name=upper, before="<?php\n"),
    "swift": per_field('let §k§ = "§v§"', name=camel),
    "powershell": per_field('$§k§ = "§v§"', name=pascal),
    "sql_where": per_field("§k§ = '§v§'", between=" AND ", before="SELECT * FROM users WHERE ", after=";"),
    "comment": per_field("// TODO remove §k§: §v§", before="int x = 1;\n", after="\nint y = 2;"),
    "log": per_field("§k§=§v§", between=" ", before="2026-03-14T09:26:53.589Z INFO  [worker-3] request ", after=" took=14ms"),
    "log_quoted": per_field('§k§="§v§"', between=" ", before="level=warn ts=2026-03-14T09:26:53Z msg=retry "),
    "log_message": per_field("[§k§: §v§]", between=" ", before="ERROR 2026-03-14 09:26:53,589 app.sync - failed for "),
    "markdown": per_field("- **§k§**: `§v§`", before="## Details\n\n"),
    "markdown_rows": per_field("| §k§ | §v§ |", before="| field | value |\n|---|---|\n"),
    "url": per_field("§k§=§v§", between="&", before="https://api.nordwind.io/v2/find?", after="&page=2"),
    "form_body": per_field("§k§=§v§", between="&", before="curl -X POST https://api.nordwind.io/in -d '", after="'"),
    "wsv_flags": per_field("--§k§ §v§", name=lambda key: snake(key).replace("_", "-"), between=" ", before="app sync "),
}
APART = {
    "csv": table(("", "\n"), ","),
    "csv_semicolons": table(("", "\n"), ";"),
    "tsv": table(("", "\n"), "\t"),
    "markdown_table": table(("| ", " |\n"), " | "),
    "html_table": table(("<tr><td>", "</td></tr>\n"), "</td><td>"),
    "sql_insert": table(("(", ")\n"), "', '"),
}
UNQUOTED = {"env_bare", "compose", "dockerfile", "properties", "yaml", "ini", "log", "wsv_flags", "url", "form_body", "log_message"}
URLS = {"url", "form_body"}


def suits(name, values):
    """Whether every value can stand in this notation unchanged and undisputed."""
    if name in URLS:
        return all(URL_SAFE.match(value.text) for value in values)
    if name in UNQUOTED:
        return not any(re.search(r"[#$!% ]|\s", value.text) and value.type in ("SECRET", "PHONE", "EMAIL") for value in values)
    if name in APART:
        return all(value.bare for value in values)
    return True


def fields(rng, values, deck):
    """The values as fields of a document or lines of code, between a few harmless ones."""
    name = deck.deal()
    while not suits(name, values):
        name = rng.choice(sorted(BESIDE))
    pairs = [(rng.choice(value.keys), value) for value in values]
    pairs += rng.sample(NOISE, rng.randint(0, 2))
    rng.shuffle(pairs)
    write = BESIDE.get(name) or APART[name]
    return write(rng, pairs)


# ---- credentials that bring their own surroundings

AROUND_PARTS = (
    ("", ""), ("DATABASE_URL=", "\n"), ('url: "', '"\n'), ('const url = "', '";'), ("$ git clone ", "\nCloning into 'repo'..."),
    ('{"dsn":"', '","pool":5}'), ('{"args":"{\\"url\\":\\"', '\\"}"}'), ("ERROR could not connect to ", " (timeout after 30s)"), ("<uri>", "</uri>"),
)
AROUND_HEADERS = (
    ("GET /v1/items HTTP/1.1\nHost: api.nordwind.io\n", "\nAccept: */*\n"), ("curl -s -H '", "' https://api.nordwind.io/v1/items"),
    ('curl --header "', '" https://api.nordwind.io'), ("> ", "\n< HTTP/1.1 200 OK"), ("headers:\n  - \"", "\"\n"), ("Request headers were: ", ", which is wrong."),
)
AROUND_CHAT = (
    ("it connects with ", " but times out, why?"), ("this is what I use: ", ""), ("`", "` stopped working!"), ("My config says\n", "\nany idea?"), ("用这个：", "。谢谢"), ("Ich nutze „", "“, geht nicht."),
)


def parts(rng, made, choices):
    before, value, after = made
    start, end = rng.choice(choices)
    return Text().add(start + before).value(value).add(after + end)


def block(rng, value, style):
    """A private key as a file, in a JSON string, as an indented YAML block, in one quoted line, or in a chat."""
    text = Text()
    if style == "json":
        return text.add('{"type":"service_account","private_key":"').value(value, json_text).add('\\n","client_id":"app"}')
    if style == "yaml":
        return text.add("tls:\n  key: |\n    ").value(value, lambda raw: raw.replace("\n", "\n    ")).add("\n  mode: strict\n")
    if style == "env":
        return text.add('PRIVATE_KEY="').value(value, json_text).add('"\nPORT=8080\n')
    if style == "chat":
        return text.add(rng.choice(("is this key still valid?\n\n", "Hier der Schlüssel:\n", "```\n"))).value(value).add(rng.choice(("\n\nthanks!", "\n```\nit fails to load")))
    return text.value(value).add("\n")
