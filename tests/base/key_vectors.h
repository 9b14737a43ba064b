#ifndef LINNET_TESTS_BASE_KEY_VECTORS_H_
#define LINNET_TESTS_BASE_KEY_VECTORS_H_

#include <string_view>

namespace linnet::base {

// Made with OpenSSL's command line: RSA-2048 over "linnet" with SHA-256: PSS with a salt of 32 and of 20
// bytes, and PKCS #1 v1.5.
constexpr std::string_view kRsaPublicPem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvEb6zxnTEfrhrml2NYPd\n"
    "A7wV6LLVZIFyS/cTKyc8fsm96bdUcdZdu22PuPj9WZmASXnqZhn8TUH2RkW+KHTS\n"
    "35eO516qRNxjPr+N17rHHBD1mCCcOCyODNuq0fDJ5blYdCSThegrI+9/7gp/wS7+\n"
    "X+S0uIXGIZW141UykZibJDP4Fl3+tf5EWtzOsUZfW58B64IRR4ewvm0twpjgWrKE\n"
    "15G35YJ1773E7ADncBjaJ9rUxo0Bq6W5YPKnyD3Nxkd8Y2hmW6HETMn8mbyDxewt\n"
    "PHzIBqeQVebUcGMtkYdPBYJ5t3SFzUTzBZmUudJA7c0OIKgz32t9WXRR+9FEC4/5\n"
    "7wIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
constexpr std::string_view kRsaSalt32 =
    "286a2fdfc3640fc3f6ec8c209a531f6fa4bf75fdc9f19ad2d9ff39ae4fe17f2d5257661ae50199a35a8802d9daa7dd95"
    "2adc32b6fc200cd32fe5a87e386b491fef16749dd6891c85f616db28fc7803a051d0377e5656de05193fc97cd08ab9bf"
    "e4202132e10836206a1c9b68054231dce36a94291f2fe5caa7d25cc180df01fcbed3f3df8c52f23cdd4725e8b3fa2be5"
    "1e3b52b71b88fd88f76d030e06cea56393bc1e4cb8f60f4a7456c45e1e101f1a4480591bc6f9a2282702ac87b3d87045"
    "b454d08aa7c60d11f6177637d1861be89aab9abe12183951d5085ed8792e581455efd92891d2dfd85557a8407397d428"
    "8993b83c85f4b15617425bb2bb8bec0a";
constexpr std::string_view kRsaSalt20 =
    "2e9de553727860d945e5c0b6a66d1448bd70995d80289f2aea089fc60e192427d6a6318a0ef96f6f29fd95f1d0b985c2"
    "c32941598610f4e670c89504470ca5a6f62722f6f5ed1a8b8e28e45621d74c533511854fc235937ff9cda6fdf5583fa5"
    "7ebc57cb2aac2eba1d3861fdea09f177ab98cbbfda9201be71170482f9a00f2bdd350db9a5f86e9dbcb34f21a441c05b"
    "6e4741f712360579e8f96cf54aef6e744ac8fd80a7ab0bc7754dfe5e8c86cacd53701bd06c30d4cb10ca9ded9560ab62"
    "b815763a3b3ebde696ae76c7230b4c81b8a21b81477fa6ead31f290544ca9714f4efb6b3b0c961e7f53b214ae6628ec0"
    "05b58c7c5ab716da3ec9c6daec55872f";
constexpr std::string_view kRsaPkcs1 =
    "4d006509fac9bc4d2c62ddd8f6a1b811591833399f65593a3653d1e1563ef3a05fac3a2830ee058d511cfe2e2ee3e56d"
    "adc59ba3cb578f1bf083f87a6f8cc3ebb73a892d64b0dfa7a1cd0322d39a89b52dae5ad4d66ae55ca079c3869c463d4e"
    "ca16ff7595d081864cf391c092d7ed92176ef3470c5cd12f7349cb27ad6f11444abd2c324da9ad3f7f838f6b453a9361"
    "aace5146803258d15f625f587eb152384f60f4c4d0e167679130129806ad15390669744321e7e2621f8fbee29d9d2340"
    "8e26bd2a34fa760c540bd2525ec83705c09e6c6326f2471fa00b0779d04d81b1aafb4fbbc6685e403d616eb00bd031f8"
    "821ec05f3fb279ba536a910bda57c3b3";
// One P-256 key: its PEM with the point compressed, and the point.
constexpr std::string_view kCompressedPem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADSc8Q1vQZNsX9lYI1/odoNutfVG7q\n"
    "qzxF7X/zNLs5yBc=\n"
    "-----END PUBLIC KEY-----\n";
constexpr std::string_view kCompressedPoint =
    "0449cf10d6f41936c5fd958235fe876836eb5f546eeaab3c45ed7ff334bb39c817"
    "a2026556da4af26080db1a55e21fdb02acda97a050805702c2bbbc54228b8e1d";
// A sound key on P-384.
constexpr std::string_view kP384Pem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEYXLt7YwkA80lGvcZLlP6C0O20O3Kvzqu\n"
    "InCKE14FzsRsXNKUlEU2uPSzVDB+aufwgXsN1DMbUqVF7r4InMca95MeqaCT75om\n"
    "N4Fb6MELDvp91AylyL8H2upxW1Scwg69\n"
    "-----END PUBLIC KEY-----\n";

}  // namespace linnet::base

#endif  // LINNET_TESTS_BASE_KEY_VECTORS_H_
