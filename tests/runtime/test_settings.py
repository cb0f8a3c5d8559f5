"""Settings: the file, the environment over it, and what is refused by name."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from runtime.settings import PathOrUri, SettingsError, load_settings


@dataclass(frozen=True)
class Example:
    address: str
    folder: Path
    port: int = 7000
    verbose: bool = False


def write(folder: Path, text: str) -> Path:
    file = folder / "settings.toml"
    file.write_text(text)
    return file


def test_a_file_is_enough(tmp_path: Path) -> None:
    file = write(tmp_path, 'address = "here"\nfolder = "/data"\nport = 1\nverbose = true\n')
    assert load_settings(Example, file, {}) == Example("here", Path("/data"), 1, True)


def test_the_environment_is_enough() -> None:
    environment = {"DCEP_ADDRESS": "there", "DCEP_FOLDER": "/data", "DCEP_VERBOSE": "true"}
    assert load_settings(Example, None, environment) == Example("there", Path("/data"), 7000, True)


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, 'address = "here"\nfolder = "/data"\nport = 1\n')
    settings = load_settings(Example, file, {"DCEP_PORT": "2", "DCEP_FOLDER": "/other"})
    assert settings == Example("here", Path("/other"), 2)


def test_environment_names_of_others_are_left_alone() -> None:
    environment = {"DCEP_ADDRESS": "a", "DCEP_FOLDER": "f", "DCEP_STACK": "stack", "PORT": "9"}
    assert load_settings(Example, None, environment).port == 7000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('address = "a"\nfolder = "f"\nprot = 1\n', "unknown setting 'prot'; known: address"),
        ('folder = "f"\n', "setting 'address' is missing"),
        ('address = 5\nfolder = "f"\n', "'address' must be of type str"),
        ('address = "a"\nfolder = 5\n', "'folder' must be of type Path"),
        ('address = "a"\nfolder = "f"\nport = "7"\n', "'port' must be of type int"),
        ('address = "a"\nfolder = "f"\nport = true\n', "'port' must be of type int"),
        ('address = "a"\nfolder = "f"\nverbose = 1\n', "'verbose' must be of type bool"),
        ("address = \n", "settings.toml: "),
    ],
)
def test_a_wrong_file_is_refused_with_the_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(Example, write(tmp_path, text), {})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "seven"), ("PORT", ""), ("VERBOSE", "yes"), ("VERBOSE", "True")]
)
def test_a_wrong_environment_is_refused_with_the_name(name: str, value: str) -> None:
    environment = {"DCEP_ADDRESS": "a", "DCEP_FOLDER": "f", f"DCEP_{name}": value}
    with pytest.raises(SettingsError, match=f"DCEP_{name} must be"):
        load_settings(Example, None, environment)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml cannot be read"):
        load_settings(Example, tmp_path / "absent.toml", {})


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(b'address = "caf\xe9"\n')
    with pytest.raises(SettingsError, match=r"settings\.toml"):
        load_settings(Example, file, {})


@dataclass(frozen=True)
class Located:
    key: PathOrUri = ""
    database: PathOrUri = ""
    folder: Path = Path("/nowhere")
    address: str = ""


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("key.pem", "{here}/key.pem"),
        ("../shared/key.pem", "{here}/../shared/key.pem"),
        ("/etc/key.pem", "/etc/key.pem"),
        (
            "pkcs11:token=a;object=b?pin-source=file:/p",
            "pkcs11:token=a;object=b?pin-source=file:/p",
        ),
        ("sqlite:///bank.db", "sqlite:///{here}/bank.db"),
        ("sqlite:///", "sqlite:///"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite:////var/bank.db", "sqlite:////var/bank.db"),
        ("postgresql://user@host:5432/name", "postgresql://user@host:5432/name"),
        ("", ""),
    ],
)
def test_a_relative_path_begins_where_the_file_lies(
    tmp_path: Path, written: str, meant: str
) -> None:
    file = write(tmp_path, f'key = "{written}"\nfolder = "data"\naddress = "a/b"\n')
    settings = load_settings(Located, file, {"DCEP_DATABASE": written})
    assert settings.key == meant.format(here=tmp_path)
    assert settings.folder == tmp_path / "data"
    assert settings.address == "a/b"
    assert settings.database == written, "where the process was started is the shell's business"
