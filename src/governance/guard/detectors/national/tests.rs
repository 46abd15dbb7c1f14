//! What is found, what is left alone, and that no answer is taken back.

pub(crate) mod harness;

use super::DETECTORS;
use super::check::verhoeff;
use proptest::prelude::*;

/// One value per scheme, with a word that says what it is, as its country writes it.
const VALUES: &[(&str, &str)] = &[
    ("us_itin", "ITIN ⟦912-70-1234⟧"),
    ("us_itin", "my individual taxpayer id is ⟦912701234⟧"),
    ("us_npi", "NPI: ⟦1245319599⟧"),
    ("us_npi", "provider id ⟦1245-319-599⟧"),
    ("us_ein", "EIN ⟦12-3456789⟧"),
    ("us_mbi", "Medicare beneficiary ⟦1EG4-TE5-MK73⟧"),
    ("us_mbi", "MBI ⟦1EG4TE5MK73⟧"),
    ("ca_sin", "SIN ⟦046 454 286⟧"),
    ("ca_sin", "social insurance number: ⟦046-454-286⟧"),
    ("br_cpf", "CPF ⟦111.444.777-35⟧"),
    ("br_cpf", "cpf=⟦11144477735⟧"),
    ("br_cnpj", "CNPJ: ⟦11.222.333/0001-81⟧"),
    ("cl_rut", "RUT ⟦12.531.909-2⟧"),
    ("cl_rut", "RUT: ⟦12531909-2⟧"),
    ("ar_cuit", "CUIT ⟦20-05536168-2⟧"),
    ("ec_cedula", "cédula ⟦1714307103⟧"),
    ("mx_curp", "CURP ⟦BOXW310820HNERXN09⟧"),
    ("mx_rfc", "RFC: ⟦GODE561231GR8⟧"),
    ("uk_nhs", "NHS number ⟦943 476 5919⟧"),
    ("uk_nhs", "NHS no. ⟦943-476-5919⟧"),
    ("uk_nhs", "\"nhsNumber\": \"⟦9434765919⟧\""),
    ("uk_nhs", "nhs_number: ⟦9434765919⟧"),
    ("uk_nino", "National Insurance number ⟦AB 12 34 56 C⟧"),
    ("uk_nino", "NINO: ⟦AB123456C⟧"),
    ("uk_nino", "NI number ⟦QQ123456C⟧"),
    ("uk_nino", "national insurance no: ⟦AB 123456 C⟧"),
    ("uk_nino", "nino ⟦AB-12-34-56-C⟧"),
    ("uk_utr", "UTR ⟦1955839661⟧"),
    ("uk_driving_licence", "driving licence ⟦MORGA657054SM9IJ⟧"),
    ("ie_pps", "PPS number ⟦1234567T⟧"),
    ("ie_pps", "PPSN: ⟦1234567FA⟧"),
    ("es_nif", "DNI ⟦12345678Z⟧"),
    ("es_nif", "NIF: ⟦12.345.678-Z⟧"),
    ("es_nie", "NIE ⟦X1234567L⟧"),
    ("es_nie", "NIE: ⟦X-1234567-L⟧"),
    ("es_cif", "CIF ⟦A58818501⟧"),
    ("pt_nif", "NIF ⟦123456789⟧"),
    ("pt_nif", "contribuinte n.º ⟦501 964 843⟧"),
    ("it_codice_fiscale", "codice fiscale ⟦RSSMRA85T10A562S⟧"),
    ("it_partita_iva", "P.IVA ⟦07643520567⟧"),
    ("gr_amka", "AMKA ⟦01013099997⟧"),
    ("gr_afm", "ΑΦΜ ⟦094259216⟧"),
    ("tr_tckn", "TC Kimlik No: ⟦10000000146⟧"),
    ("il_id", "ת.ז. ⟦039337423⟧"),
    ("de_tax_id", "Steuer-ID ⟦65929970489⟧"),
    ("de_tax_id", "Steueridentifikationsnummer: ⟦65 929 970 489⟧"),
    ("de_svnr", "Rentenversicherungsnummer ⟦15070649C103⟧"),
    ("de_svnr", "Sozialversicherungsnummer ⟦15 070649 C 103⟧"),
    ("de_personalausweis", "Personalausweis ⟦L01X00T471⟧"),
    ("at_svnr", "SVNR ⟦1237 010180⟧"),
    ("ch_ahv", "AHV-Nr. ⟦756.9217.0769.85⟧"),
    ("ch_ahv", "AVS ⟦7569217076985⟧"),
    ("fr_nir", "sécurité sociale ⟦2 95 10 99 126 111 93⟧"),
    ("fr_nir", "NIR: ⟦295109912611193⟧"),
    ("be_nrn", "rijksregisternummer ⟦85.07.30-033.28⟧"),
    ("be_nrn", "NISS ⟦85073003328⟧"),
    ("nl_bsn", "BSN ⟦111222333⟧"),
    ("nl_bsn", "burgerservicenummer: ⟦1112.22.333⟧"),
    ("pl_pesel", "PESEL ⟦44051401359⟧"),
    ("pl_nip", "NIP ⟦856-73-46-215⟧"),
    ("pl_dowod", "dowód osobisty ⟦ABA300000⟧"),
    ("cz_rodne_cislo", "rodné číslo ⟦710319/2745⟧"),
    ("hu_taj", "TAJ ⟦111 111 110⟧"),
    ("ro_cnp", "CNP ⟦1630615123457⟧"),
    ("bg_egn", "ЕГН ⟦7523169263⟧"),
    ("hr_oib", "OIB ⟦33392005961⟧"),
    ("rs_jmbg", "JMBG ⟦0101006500006⟧"),
    ("ru_inn", "ИНН ⟦500100732259⟧"),
    ("za_id", "South African ID ⟦8001015009087⟧"),
    ("se_personnummer", "personnummer ⟦811228-9874⟧"),
    ("se_personnummer", "personnummer ⟦198112289874⟧"),
    ("se_personnummer", "personnummer: ⟦8112289874⟧"),
    ("fi_hetu", "henkilötunnus ⟦131052-308T⟧"),
    ("fi_hetu", "hetu ⟦131052A308T⟧"),
    ("dk_cpr", "CPR ⟦211062-5629⟧"),
    ("no_fnr", "fødselsnummer ⟦15108695088⟧"),
    ("is_kennitala", "kennitala ⟦120174-3399⟧"),
    ("ee_isikukood", "isikukood ⟦36805280109⟧"),
    ("in_aadhaar", "Aadhaar ⟦2341 2341 2346⟧"),
    ("in_aadhaar", "आधार ⟦234123412346⟧"),
    ("in_pan", "PAN ⟦ABCPE1234F⟧"),
    ("in_pan", "permanent account number: ⟦ABCPE1234F⟧"),
    ("in_gstin", "GSTIN ⟦27AAPFU0939F1ZV⟧"),
    ("in_voter_id", "voter id ⟦ABC1234567⟧"),
    ("au_tfn", "TFN ⟦123 456 782⟧"),
    ("au_abn", "ABN ⟦51 824 753 556⟧"),
    ("au_acn", "ACN ⟦004 085 616⟧"),
    ("au_medicare", "Medicare ⟦2123 45670 1⟧"),
    ("nz_ird", "IRD ⟦49-091-850⟧"),
    ("sg_nric", "NRIC ⟦S1234567D⟧"),
    ("sg_nric", "FIN: ⟦G1234567X⟧"),
    ("hk_hkid", "HKID ⟦A123456(3)⟧"),
    ("tw_id", "身分證字號 ⟦A123456789⟧"),
    ("kr_rrn", "주민등록번호 ⟦900101-1234568⟧"),
    ("cn_resident_id", "身份证号 ⟦11010519491231002X⟧"),
    ("jp_my_number", "マイナンバー ⟦1234 5678 9018⟧"),
    ("th_id", "Thai ID ⟦1-1014-00093-08-0⟧"),
    ("ae_emirates_id", "Emirates ID ⟦784-1980-1234567-8⟧"),
    ("id_nik", "NIK ⟦3171011708450001⟧"),
    ("pk_cnic", "CNIC ⟦42201-0397640-8⟧"),
    ("my_nric", "MyKad ⟦770305-02-1234⟧"),
    ("passport", "passport number is ⟦123456789⟧"),
    ("passport", "Passport No: ⟦C01X00T47⟧"),
    ("passport", "Reisepass Nr. ⟦C01X00T47⟧"),
    ("passport", "numéro de passeport : ⟦12AB34567⟧"),
];

#[test]
fn every_number_is_found_beside_its_word() {
    for (name, line) in VALUES {
        for text in [
            (*line).to_owned(),
            format!("Hello, {line}, thank you."),
            format!("{line}\nnext line 12"),
        ] {
            harness::check(DETECTORS, &text, name);
        }
    }
}

#[test]
fn names_of_fields_say_it_in_every_notation() {
    for (name, text) in [
        ("ca_sin", "sin = '⟦046-454-286⟧';"),
        ("ca_sin", "$Sin = \"⟦046454286⟧\""),
        ("ca_sin", "| sin | ⟦046454286⟧ |"),
        ("ca_sin", "<Sin>⟦046454286⟧</Sin>"),
        ("ca_sin", "<name>sin</name><value>⟦046454286⟧</value>"),
        ("ca_sin", "- **sin**: `⟦046-454-286⟧`"),
        ("ca_sin", "app --sin ⟦046454286⟧ --enabled"),
        ("us_itin", "let itin = \"⟦912 70 1234⟧\""),
        ("us_npi", "let providerNpi = \"⟦1245319599⟧\""),
        ("uk_nino", "<Nino>⟦AB123456C⟧</Nino>"),
        ("uk_nhs", r#"{"a":"{\"nhs_number\":\"⟦9434765919⟧\"}"}"#),
        (
            "uk_nhs",
            r#"{"a":"{\\\"nhs_no\\\":\\\"⟦943 476 5919⟧\\\"}"}"#,
        ),
        (
            "uk_nino",
            r#"\"national_insurance_number\":\"⟦AB 12 34 56 C⟧\""#,
        ),
        ("uk_nhs", r"NHS number ⟦9434765919⟧\nthanks"),
        (
            "de_tax_id",
            "variable \"steueridentifikationsnummer\" {\n  type    = string\n  default = \"⟦65929970489⟧\"\n}",
        ),
    ] {
        harness::check(DETECTORS, text, name);
    }
}

#[test]
fn parts_of_dates_times_and_paths_are_no_numbers() {
    for text in [
        "NHS 2026-11-27T10:01:07.037Z 2026-11-27 10:01:07,943",
        "NHS 10.0.0.9434765919 12:9434765919 1/9434765919",
        r"NHS C:\9434765919\x",
        "vivir sin 046454286 pesos",
    ] {
        harness::check(DETECTORS, text, "");
    }
}

#[test]
fn a_word_behind_the_number_says_it_as_well() {
    for (name, text) in [
        ("uk_nhs", "⟦943 476 5919⟧ is my NHS number."),
        ("uk_nhs", "⟦943 476 5919⟧ (NHS)"),
        (
            "ca_sin",
            "⟦046 454 286⟧ – that is my social insurance number",
        ),
        ("pl_pesel", "⟦44051401359⟧ to mój PESEL"),
        ("in_pan", "⟦ABCPE1234F⟧ is her PAN"),
        ("de_tax_id", "⟦65929970489⟧ ist meine Steuer-ID"),
    ] {
        harness::check(DETECTORS, text, name);
    }
}

#[test]
fn some_shapes_need_no_word() {
    for (name, text) in [
        ("it_codice_fiscale", "Mario Rossi, ⟦RSSMRA85T10A562S⟧, Roma"),
        ("es_nif", "Ana López, ⟦12345678Z⟧"),
        ("es_nie", "⟦X1234567L⟧"),
        ("sg_nric", "Tan Ah Kow (⟦S1234567D⟧)"),
        ("fi_hetu", "Matti ⟦131052-308T⟧"),
        ("uk_nino", "Smith, ⟦AB 12 34 56 C⟧, London"),
        ("ch_ahv", "⟦756.9217.0769.85⟧"),
        ("br_cpf", "João, ⟦111.444.777-35⟧"),
        ("br_cnpj", "⟦11.222.333/0001-81⟧"),
        ("mx_curp", "⟦BOXW310820HNERXN09⟧"),
        ("cn_resident_id", "张三，⟦11010519491231002X⟧，北京"),
        ("be_nrn", "⟦85.07.30-033.28⟧"),
    ] {
        harness::check(DETECTORS, text, name);
    }
}

#[test]
fn without_a_word_digits_are_left_alone() {
    for text in [
        "943 476 5919",
        "the sum is 046454286 today",
        "44051401359",
        "2341 2341 2346",
        "id 111222333",
        "ABCPE1234F",
        "AB123456C",
        "912-70-1234",
    ] {
        harness::check(DETECTORS, text, "");
    }
}

#[test]
fn a_wrong_check_digit_is_no_number() {
    for text in [
        "NHS number 943 476 5918",
        "SIN 046 454 287",
        "PESEL 44051401358",
        "Steuer-ID 65929970488",
        "Aadhaar 2341 2341 2345",
        "DNI 12345678A",
        "NRIC S1234567E",
        "codice fiscale RSSMRA85T10A562T",
        "TFN 123 456 789",
        "BSN 111222334",
        "personnummer 811228-9875",
        "hetu 131052-308U",
        "ITIN 912-45-1234",
        "NPI 1245319598",
        "NINO BG123456C",
        "CPF 111.111.111-11",
    ] {
        harness::check(DETECTORS, text, "");
    }
}

#[test]
fn longer_tokens_are_left_alone() {
    for text in [
        "NHS 94347659190",
        "nhs x9434765919",
        "nhs 9434765919x",
        "NHS 9434765919.5",
        "nhs 1.9434765919",
        "https://example.org/nhs/9434765919/x",
        "nhs 943-476-5919-1",
        "nhs 12 943 476 5919 11",
        "NHS 550e8400-e29b-41d4-a716-943476591900",
        "DNI 12345678ZA and 12345678Z9",
        "AAB12 34 56 C",
    ] {
        harness::check(DETECTORS, text, "");
    }
}

#[test]
fn another_kind_of_number_said_nearer_wins() {
    for text in [
        "For NHS staff: order 9434765919",
        "SIN noted; invoice 046454286",
        "serial 12345678Z",
        "SKU S1234567D",
    ] {
        harness::check(DETECTORS, text, "");
    }
}

#[test]
fn ordinary_words_in_small_letters_are_no_acronyms() {
    for text in [
        "without sin 046 454 286",
        "fry it in a pan ABCPE1234F",
        "a run of 12531909-2 items",
        "the fin of ABCPE1234F",
    ] {
        harness::check(DETECTORS, text, "");
    }
    harness::check(DETECTORS, "sin: ⟦046454286⟧", "ca_sin");
    harness::check(DETECTORS, "\"pan\": \"⟦ABCPE1234F⟧\"", "in_pan");
}

#[test]
fn passports_are_believed_only_right_behind_their_word() {
    for text in [
        "passport holders in 2020 numbered 123456789",
        "passport office phone 03002220000",
        "the passport. Later, 123456789 people",
        "passport.js 1234567 downloads of it",
        "passport to 123456789",
        "passport number",
        "passport",
    ] {
        harness::check(DETECTORS, text, "");
    }
}

#[test]
fn verhoeff_is_the_published_table() {
    assert!(verhoeff(&[2, 3, 6, 3]));
    assert!(verhoeff(&[1, 4, 2, 8, 5, 7, 0]));
    assert!(!verhoeff(&[2, 3, 6, 4]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_answer_is_taken_back(pieces in proptest::collection::vec(piece(), 1..12)) {
        harness::honest(DETECTORS, &pieces.concat());
    }
}

/// Bits of numbers, words and what stands between them.
fn piece() -> impl Strategy<Value = String> {
    let lines: Vec<String> = VALUES
        .iter()
        .map(|(_, line)| line.replace(['⟦', '⟧'], ""))
        .collect();
    prop_oneof![
        proptest::sample::select(lines.clone()),
        (proptest::sample::select(lines), 0..30_usize)
            .prop_map(|(line, skip)| line.chars().skip(skip).collect()),
        "[0-9]{1,11}",
        "[A-Z]{1,6}[0-9]{1,8}[A-Z]?",
        "[ ./,:()é-]{1,2}",
        proptest::sample::select(vec![
            "NHS ",
            " SIN",
            " is my ",
            "passport ",
            " PAN",
            "Ω",
            "\u{a0}",
            "order ",
            "\n",
            ". ",
            "QQ ",
            "X-",
            "\\\"",
            "sin = ",
        ])
        .prop_map(str::to_owned),
    ]
}
