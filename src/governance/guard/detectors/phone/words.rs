//! Words that say a number is one to dial.
//!
//! Strong words name the thing and count within 40 characters. Weak words are verbs with other uses and count only close
//! by. Words that name another kind of number overrule either where they stand nearer.

use crate::governance::guard::detectors::national::context::Words;

/// Words for a telephone and its number.
#[rustfmt::skip]
pub(super) static STRONG: Words = Words::of(&[
    "call back", "callback number", "cell", "cellphone", "cellulare", "celular", "cep", "contact number", "fax",
    "festnetz", "fixe", "gsm", "handy", "handynummer", "helpline", "hotline", "komórka", "komórkowy", "landline",
    "matkapuhelin", "mob", "mobiel", "mobil", "mobile", "mobiltelefon", "movil", "msisdn", "móvil", "no hp",
    "nomor", "numer kontaktowy", "phone", "portable", "puhelin", "puhelinnumero", "rufnummer", "signal",
    "smartphone", "sms", "tel", "telefax", "telefon", "telefone", "telefono", "telefoon", "telefónica", "telegram",
    "telemovel", "telemóvel", "telephone", "teléfon", "teléfono", "tlf", "tél", "téléphone", "viber", "wa.me",
    "whats app", "whatsapp", "điện thoại", "Τηλ", "κινητό", "τηλ", "Тел", "Телефон", "моб", "тел", "телефон",
    "טלפון", "נייד", "جوال", "هاتف", "फोन", "मोबाइल", "โทร", "手机", "手機", "携帯", "电话", "電話", "연락처", "전화", "핸드폰",
    "휴대폰",
]);

/// Words that ask to call, close by.
#[rustfmt::skip]
pub(super) static WEAK: Words = Words::of(&[
    "anrufen", "appeler", "appelez", "appelle", "ara", "bel", "bellen", "call", "call us", "called", "calling",
    "calls", "chiama", "chiamami", "chiamare", "chiami", "contact", "contacto", "dial", "dialed", "dialled",
    "dzwonić", "dzwoń", "erreichbar", "erreichen", "hubungi", "joignable", "joindre", "kontakt", "liga", "ligar",
    "ligue", "llama", "llamar", "llame", "llámame", "llámanos", "ph", "rang", "reach", "reached", "ring", "ringa",
    "ruf", "rufen", "soita", "text", "texted", "voicemail", "zadzwoń", "zavolejte", "звоните", "позвоните",
]);

/// What asks to call behind the number.
#[rustfmt::skip]
pub(super) static ASKING: Words = Words::of(&[
    "call back", "call me", "call us", "contact me", "reach me", "reach us", "text me", "to call", "to reach",
]);

/// Words for numbers of another kind.
#[rustfmt::skip]
pub(super) static OTHERWISE: Words = Words::of(&[
    "account", "auftrag", "barcode", "bestellung", "build", "bytes", "card", "case", "case no", "case number",
    "commande", "commit", "coordinates", "customer id", "docket", "ean", "ein", "epoch", "factura", "facture",
    "hash", "iban", "id", "imei", "invoice", "isbn", "issn", "konto", "latitude", "longitude", "lottery", "model",
    "national id", "order", "order id", "part no", "part number", "passport", "pedido", "policy number", "postal",
    "rechnung", "ref", "reference", "revision", "serial", "shipment", "sku", "social security", "ssn", "tax id",
    "ticket", "timestamp", "tracking", "transaction", "ts", "unix", "upc", "user id", "version", "zip", "zip code",
]);
