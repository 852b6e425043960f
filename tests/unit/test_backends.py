"""What cannot be asked is told before the first photo, by the service and by the doctor."""

import pytest

from metadata.errors import UserError
from tests import tiny_models
from watcher import backends, doctor, service
from watcher.settings import Settings


def settings(tmp_path, **more):
    (tmp_path / "photos").mkdir(exist_ok=True)
    roots = [{"name": "p", "path": tmp_path / "photos"}]
    return Settings.model_validate({"state": tmp_path / "state", "roots": roots, **more})


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"taggers": ["nosuch"]}, "no tagger is called 'nosuch'; there are: "),
        ({"taggers": ["wd_vit_v3"]}, "`tagwright models fetch wd_vit_v3` gets it"),
        ({"taggers": ["ram_plus"]}, "`tagwright models export ram_plus FILE.pth` makes it of https://"),
        ({"taggers": ["ollama"]}, "set `captioner = 'ollama'` instead"),
        ({"captioner": "nosuch"}, "no captioner is called 'nosuch'"),
    ],
)
def test_a_service_with_a_model_that_is_not_there_does_not_begin(tmp_path, more, told):
    pytest.importorskip("onnxruntime")
    made = settings(tmp_path, **more)
    with pytest.raises(UserError) as caught:
        service.run(made, service.Wishes(once=True, yes=True), out=None)
    assert told in str(caught.value)
    assert not (tmp_path / "state" / "ledger.db").exists()
    (finding,) = backends.findings(made)
    assert (finding.level, finding.what) == ("fail", "models")
    assert told in doctor.report([finding], json=False)


def test_what_is_there_may_begin(tmp_path):
    pytest.importorskip("onnxruntime")
    tiny_models.tagger(tmp_path / "models", "wd_vit_v3")
    made = settings(
        tmp_path, taggers=["wd_vit_v3", "zero_shot"], captioner="ollama", models_folder=tmp_path / "models"
    )
    assert backends.faults(made) == []
    (finding,) = backends.findings(made)
    assert finding.level == "ok"
    assert "wd_vit_v3, zero_shot, ollama" in finding.text
    assert backends.findings(settings(tmp_path)) == []
