"""Texts that do not say their encoding."""

import pytest

from local_rag.text.normalise import NotText, decode

TEXTS = {
    "de": "Die Wärmepumpe läuft während der Übergangszeit äußerst leise. Prüfen Sie den Anschluß.",
    "fr": "L'été dernier, les élèves ont visité le château où l'on conserve des œuvres. Ça coûte.",
    "sv": "Trädgårdens hyresavtal upphör den trettioförsta mars. Även på ön går det bra att bo.",
    "pt": "O contrato de locação do jardim termina em março. É necessário avisar; não há exceções.",
    "pl": "Zażółć gęślą jaźń. Umowa najmu kończy się w marcu; należy ją wypowiedzieć wcześniej.",
    "cs": "Příliš žluťoučký kůň úpěl ďábelské ódy. Smlouva končí v březnu a musí být vypovězena.",
    "hu": "A kert bérleti szerződése március harmincegyedikén jár le. Figyelj az időjárásra.",
    "ro": "Contractul de închiriere a grădinii se încheie la sfârşitul lunii martie. Trebuie.",
    "tr": "Bahçe kira sözleşmesi otuz bir Martta sona eriyor. Üç ay önceden bildirin; şehir.",
    "ru": "Договор аренды сада кончается тридцать первого марта. Уведомить нужно за три месяца.",
    "el": "Η σύμβαση του κήπου λήγει στις τριάντα μία Μαρτίου. Πρέπει να ειδοποιήσετε νωρίτερα.",
    "zh": "花园的租约将于三月三十一日到期。必须提前三个月通知。请与城市办公室联系。",
    "ja": "庭園の賃貸契約は三月三十一日に終了します。三か月前までに通知する必要があります。",
    "ko": "정원 임대 계약은 삼월 삼십일일에 종료됩니다. 석 달 전에 통지해야 합니다.",
    "he": "חוזה השכירות של הגינה מסתיים בשלושים ואחד במרץ. יש להודיע שלושה חודשים מראש.",
}
ENCODINGS = [
    ("de", "cp1252"), ("fr", "cp1252"), ("sv", "cp1252"), ("pt", "cp1252"), ("pl", "cp1250"),
    ("pl", "iso8859_2"), ("cs", "cp1250"), ("cs", "iso8859_2"), ("hu", "cp1250"), ("ro", "cp1250"),
    ("tr", "cp1254"), ("ru", "cp1251"), ("ru", "koi8_r"), ("ru", "cp866"), ("el", "cp1253"),
    ("zh", "gb18030"), ("ja", "cp932"), ("ja", "euc_jp"), ("ko", "cp949"), ("he", "cp1255"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "encoding"), ENCODINGS)
def test_the_encoding_is_found(language: str, encoding: str) -> None:
    text = TEXTS[language]
    assert decode(text.encode(encoding)) == text
    # A declaration that cannot be true is not believed.
    assert decode(text.encode(encoding), declared="ascii") == text


def test_a_few_words_are_western() -> None:
    assert decode("Größe: 5 m²".encode("cp1252")) == "Größe: 5 m²"
    assert decode("naïve café".encode("cp1252")) == "naïve café"


def test_one_broken_byte_does_not_spoil_utf8() -> None:
    text = TEXTS["ru"] * 3
    assert decode(text.encode() + b"\xff") == text + "\ufffd"


def test_a_true_declaration_wins() -> None:
    assert decode("Привет".encode("koi8_r"), declared="koi8-r") == "Привет"


def test_large_texts_are_judged_by_their_beginning() -> None:
    text = (TEXTS["zh"] + "\n") * 5_000
    assert decode(text.encode("gb18030")) == text


def test_binary_data_has_no_encoding() -> None:
    with pytest.raises(NotText):
        decode(bytes(range(1, 256)) * 10)
