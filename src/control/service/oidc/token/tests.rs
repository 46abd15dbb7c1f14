//! Tokens signed by RSA, which nobody here makes: a key of 2048 bits that was drawn for this, used twice and thrown away. What
//! else a token has to say is tried against a provider (`api`'s tests).

use super::*;

const MODULUS: &str = "4XKzDOEG-YLP3oDFy_YoWtQ4xRSzXdPFRc6yOZWVRPTduZ_6I4M_LHlKy6RxxB8K33haHIHL7ykmzCl4yS9wdGYzjIXHGVKE7yuhcg7fgsOgxq\
    vgM82Es_2kYwQx3KBdztCO8OVu41CZd6S4BbwuOBk0fI3CtUwYSLLmf3pccRZZzNhf-rF_zfN9IOBaDDekGCZL_-xZ4IfrVAuF-iQJFy884fX4\
    4xSw16xucnXtI1dpz03AxoeATeLGBtT9BQFkGyMKyvAVRGp5-wFnpLFD4yNN3veR7Mk0QNULS-uGw9rLJg_05TlBrNOA5QVhfSgricrViKwq5F\
    maJtFXi6TdGw";
const RS256: &str = "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInJzYSJ9.eyJpc3MiOiAiaHR0cHM6Ly9sb2dpbi5leGFtcGxlIiwgInN1YiI6ICIyNDQwMDMyMCIsI\
    CJhdWQiOiAidG9sbGdhdGUiLCAibm9uY2UiOiAibi0wUzZfV3pBMk1qIiwgImlhdCI6IDE3MDAwMDAwMDAsICJleHAiOiAxNzAwMDAwMzAwLCA\
    iZW1haWwiOiAiYWRhQGV4YW1wbGUuY29tIiwgImVtYWlsX3ZlcmlmaWVkIjogdHJ1ZX0.ONsamCsALThrzNBMj2cHIOrw43sPzIkd8EWpKfwHy\
    yBvknyxosZ2EW7aJ34RpZ4L4pgDyxpCG3VG3ywm59Lvx2GQTBkXPdxRdRcvxbSgLf7riXbgWfE21sOsYjriF8qshi0QHUp9tiAnHvdqbPtZIit\
    eSBu1vuItH4yCdiNpKYUYSIlREGAZTV8iVZaFEqo99nNpekfVpQen7-5ybL-R5wIzv_5cSwti8MBakinc4qRrR8E7-QFWn0jyXYXBrwcSb6wja\
    DavOSR1VpQ1UI2tMyNAn2LcLdjmyqPR_7P0SSxdpJrnJlSuTjqxJxYVRVD669hhXEOr_lgkrDiWvJJwRQ";
const PS256: &str = "eyJhbGciOiAiUFMyNTYiLCAia2lkIjogInJzYSJ9.eyJpc3MiOiAiaHR0cHM6Ly9sb2dpbi5leGFtcGxlIiwgInN1YiI6ICIyNDQwMDMyMCIsI\
    CJhdWQiOiAidG9sbGdhdGUiLCAibm9uY2UiOiAibi0wUzZfV3pBMk1qIiwgImlhdCI6IDE3MDAwMDAwMDAsICJleHAiOiAxNzAwMDAwMzAwLCA\
    iZW1haWwiOiAiYWRhQGV4YW1wbGUuY29tIiwgImVtYWlsX3ZlcmlmaWVkIjogdHJ1ZX0.d8RjsVQ5CbwVjNx_7wQ7Lb3sKTjmA4m82jXWpPbWj\
    ovz2n2dD6GxQSF_8lBFhD-F-fNWLlnOuBBWpcIKJl37cnrhodvf3d3sjY9zQ4_6oISDuVPqpVFkkUAaQ96JTsardNKpPO5PYbmqIAdhL1wHubt\
    awGYljFRi5etOpmZUNQgRyFLeBD2CSuXymZbM-ZssSwI0MZ9vDlUQAiayXu7cvbogujnwF2EyjUdk__EvqdbkyB6F2AEwa3G-vFFY11RWhIAIH\
    VPvAowRoRzuwEqzsjGCE7fKN3swbB4kzRNM_sX7GU5YgiZfDKOQ2OLNYqq6ofmz2CWVcPbkI_gzPqJ8dQ";
const EXPECTED: Expected<'_> = Expected {
    issuer: "https://login.example",
    client: "tollgate",
    nonce: "n-0S6_WzA2Mj",
    now: 1_700_000_100,
};

fn keys(more: &str) -> Vec<Key> {
    let key = format!(r#"{{"kty":"RSA","kid":"rsa","n":"{MODULUS}","e":"AQAB"{more}}}"#);
    keys::read(format!(r#"{{"keys":[{key}]}}"#).as_bytes()).expect("a set")
}

#[test]
fn a_token_signed_by_rsa_is_believed_for_what_its_key_is_for() {
    let check = |token: &str, more: &str, expected: Result<&str, TokenFault>| {
        let identity = believed(token, &keys(more), &EXPECTED);
        let subject = identity.as_ref().map(|identity| identity.subject.as_str());
        assert_eq!(subject.map_err(|fault| *fault), expected, "{more}");
    };
    for token in [RS256, PS256] {
        check(token, "", Ok("24400320"));
        check(token, r#","use":"sig""#, Ok("24400320"));
        check(token, r#","use":"enc""#, Err(TokenFault::UnknownKey));
        check(token, r#","alg":"ES256""#, Err(TokenFault::UnknownKey));
        let (message, signature) = token.rsplit_once('.').expect("a signature");
        let cut = format!("{message}.{}", &signature[..signature.len() - 6]);
        check(&cut, "", Err(TokenFault::Signature));
        check(&format!("{message}."), "", Err(TokenFault::Signature));
        check(message, "", Err(TokenFault::Malformed));
        check(&format!("{token}.x"), "", Err(TokenFault::Malformed));
    }
    check(RS256, r#","alg":"RS256""#, Ok("24400320"));
    check(PS256, r#","alg":"RS256""#, Err(TokenFault::UnknownKey));
    // The signature of one way is none of the other.
    let (message, _) = PS256.rsplit_once('.').expect("a signature");
    let (_, signature) = RS256.rsplit_once('.').expect("a signature");
    check(
        &format!("{message}.{signature}"),
        "",
        Err(TokenFault::Signature),
    );
}

#[test]
fn a_token_that_names_no_key_needs_there_to_be_one_alone() {
    let both = format!(
        r#"{{"keys":[{{"kty":"RSA","n":"{MODULUS}","e":"AQAB"}},{{"kty":"RSA","n":"{MODULUS}","e":"AQAB"}}]}}"#
    );
    let both = keys::read(both.as_bytes()).expect("a set");
    assert!(keys::find(&both, None, Algorithm::Rs256).is_none());
    assert!(keys::find(&both[..1], None, Algorithm::Rs256).is_some());
    assert!(keys::find(&both[..1], None, Algorithm::Es256).is_none());
    assert!(keys::find(&both[..1], Some("x"), Algorithm::Rs256).is_none());
    assert!(keys::read(b"{}").is_none());
}

#[test]
fn what_has_to_be_understood_and_is_not_refuses_a_token() {
    let header =
        URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"rsa","crit":["b64"],"b64":false}"#);
    let (_, rest) = RS256.split_once('.').expect("a header");
    let refused = believed(&format!("{header}.{rest}"), &keys(""), &EXPECTED);
    assert_eq!(refused, Err(TokenFault::Malformed));
}

#[test]
fn times_have_a_minute_of_leeway() {
    let check = |now: i64, expected: Option<TokenFault>| {
        let expected_now = Expected { now, ..EXPECTED };
        assert_eq!(
            believed(RS256, &keys(""), &expected_now).err(),
            expected,
            "{now}"
        );
    };
    check(1_700_000_359, None);
    check(1_700_000_360, Some(TokenFault::Expired));
    check(1_699_999_940, None);
    check(1_699_999_939, Some(TokenFault::Early));
}
