"""FHIR over every store: the same resources, each valid by fhir.resources, values computed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.imagingstudy import ImagingStudy
from fhir.resources.R4B.observation import Observation

from cunmai_ingest.query import open_reader
from cunmai_ingest.stores import open_store
from support.api_bench import ApiBench, api_bench
from support.influx import influx_settings, shared_influxd
from support.messages import STREAM, T0_MS, oximetry

BASE = "http://127.0.0.1:8090"


@pytest.fixture(params=["sqlite", pytest.param("influxdb", marks=pytest.mark.server)])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ApiBench]:
    if request.param == "sqlite":
        with api_bench(tmp_path) as made:
            yield made
        return
    server = shared_influxd()
    front = server.front()
    settings = influx_settings(front, server.new_database())
    with api_bench(tmp_path, open_reader(settings, 5)) as made:
        made.ledger.store = open_store(settings)
        yield made
        made.ledger.store.close()
    front.cut()


def reading(seq: int, kind: str, t_ms: int = T0_MS, **values: Any) -> dict[str, Any]:
    return {"seq": seq, "t": t_ms, "clock": "trusted", "device": "dev-1", "resident": "r-1001", "kind": kind,
            **values}  # fmt: skip


def exam(seq: int, study: str, instance: str, t_ms: int = T0_MS, **values: Any) -> dict[str, Any]:
    uids = {"study_uid": study, "series_uid": f"{study}.1", "sop_instance_uid": instance,
            "sop_class_uid": "1.2.840.10008.5.1.4.1.1.6.1", "content_crc32": seq}  # fmt: skip
    return reading(seq, "ultrasound_exam", t_ms, **uids, **values)


def entries(bench: ApiBench, kind: str, **parameters: Any) -> list[dict[str, Any]]:
    """Every resource of a search, page by page; each page is valid, and no longer than was asked."""
    answer = bench.get(f"/fhir/{kind}", **parameters)
    found: list[dict[str, Any]] = []
    for _ in range(50):
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/fhir+json"
        Bundle.model_validate_json(answer.text)
        document = answer.json()
        page = [entry["resource"] for entry in document.get("entry", [])]
        assert len(page) <= int(parameters.get("_count", 50))
        assert all(
            e["fullUrl"] == f"{BASE}/fhir/{kind}/{e['resource']['id']}" for e in document.get("entry", [])
        )
        found += page
        links = {link["relation"]: link["url"] for link in document["link"]}
        if "next" not in links:
            return found
        answer = bench.get(links["next"].removeprefix(BASE))
    pytest.fail("the pages do not end")


def codes(resources: list[dict[str, Any]]) -> list[str]:
    return [resource["code"]["coding"][0]["code"] for resource in resources]


def test_an_observation_in_full(bench: ApiBench) -> None:
    bench.ledger.readings(oximetry(7, T0_MS, spo2_pct=91.5, quality=["poor_signal"], clock="unknown"))
    (found,) = entries(bench, "Observation", subject="Patient/r-1001", code="http://loinc.org|59408-5")
    assert found.pop("id").count(".") == 3
    assert found == {
        "resourceType": "Observation",
        "identifier": [{"system": "urn:x-cunmai:reading", "value": f"{STREAM}/7"}],
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "vital-signs",
                    }
                ]
            }
        ],
        "code": {
            "coding": [
                {
                    "system": "http://loinc.org",
                    "code": "59408-5",
                    "display": "Oxygen saturation in arterial blood by pulse oximetry",
                }
            ],
            "text": "血氧饱和度 Oxygen saturation in arterial blood by pulse oximetry",
        },
        "subject": {
            "reference": "Patient/r-1001",
            "type": "Patient",
            "identifier": {"system": "urn:x-cunmai:resident", "value": "r-1001"},
        },
        "effectiveDateTime": "2023-11-15T06:13:20+08:00",
        "issued": "2023-11-15T07:13:20+08:00",
        "performer": [{"identifier": {"system": "urn:x-cunmai:gateway", "value": "clinic-01"}}],
        "valueQuantity": {"value": 91.5, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"},
        "note": [{"text": "quality: poor_signal"}, {"text": "clock: unknown"}, {"text": "time: unsure"}],
        "device": {"identifier": {"system": "urn:x-cunmai:device", "value": "plx-1"}},
    }


def test_every_kind_has_its_codes_and_units(bench: ApiBench) -> None:
    bench.ledger.readings(
        oximetry(1, T0_MS),
        reading(2, "blood_pressure", systolic_mmhg=150.0, diastolic_mmhg=95.5, pulse_bpm=66.0),
        reading(3, "temperature", temperature_c=36.6),
        reading(4, "heart_rate", heart_rate_bpm=71.0),
        reading(5, "glucose", glucose_mmol_l=6.1),
        reading(6, "weight", weight_kg=61.3, height_m=1.7, bmi_kg_m2=21.2),
        reading(7, "respiration", respiratory_rate_per_min=18.0),
        reading(8, "assessment", consciousness="A", on_oxygen=True, oxygen_flow_l_min=2.5),
        reading(9, "follow_up", method="phone"),
        reading(10, "ultrasound_report", study_uid="2.25.1", status="final"),
    )
    found = entries(bench, "Observation", subject="r-1001")
    values = {
        (resource["code"]["coding"][0]["code"], part["valueQuantity"]["value"], part["valueQuantity"]["code"])
        for resource in found
        for part in resource.get("component", [resource])
    }
    assert values == {
        ("59408-5", 97.0, "%"), ("8889-8", 72.0, "/min"), ("61006-3", 4.5, "%"),
        ("85354-9", 150.0, "mm[Hg]"), ("85354-9", 95.5, "mm[Hg]"), ("8867-4", 66.0, "/min"),
        ("8310-5", 36.6, "Cel"), ("8867-4", 71.0, "/min"), ("15074-8", 6.1, "mmol/L"),
        ("29463-7", 61.3, "kg"), ("8302-2", 170.0, "cm"), ("39156-5", 21.2, "kg/m2"),
        ("9279-1", 18.0, "/min"), ("3151-8", 2.5, "L/min"),
    }  # fmt: skip
    (pressure,) = [resource for resource in found if "component" in resource]
    assert codes(pressure["component"]) == ["8480-6", "8462-4"]
    (breaths,) = [resource for resource in found if codes([resource]) == ["9279-1"]]
    assert breaths["category"][0]["coding"][0]["code"] == "vital-signs"
    assert breaths["code"]["text"] == "呼吸频率 Respiratory rate"
    categories = {c["category"][0]["coding"][0]["code"] for c in found if codes([c]) == ["15074-8"]}
    assert categories == {"laboratory"}


def test_search_by_code_and_date(bench: ApiBench) -> None:
    midnight = 1_700_064_000_000  # 2023-11-16 00:00 in China
    bench.ledger.now_ms = midnight + 60_000
    bench.ledger.readings(
        reading(1, "temperature", midnight - 1, temperature_c=36.1),
        reading(2, "temperature", midnight, temperature_c=36.2),
        reading(3, "heart_rate", midnight + 1, heart_rate_bpm=70.0),
    )

    def values(**parameters: Any) -> list[float]:
        found = entries(bench, "Observation", subject="r-1001", **parameters)
        return [resource["valueQuantity"]["value"] for resource in found]

    assert values() == [70.0, 36.2, 36.1]
    assert values(code="8310-5") == [36.2, 36.1]
    assert values(code="8310-5,http://loinc.org|8867-4") == [70.0, 36.2, 36.1]
    assert values(code="http://snomed.info/sct|8310-5") == values(code="1-1") == []
    assert values(date="2023-11-16") == [70.0, 36.2]
    assert values(date="lt2023-11-16") == [36.1]
    assert values(date="2023-11") == values(date="2023") == [70.0, 36.2, 36.1]
    assert values(date="2023-11-15T16:00Z") == [70.0, 36.2]
    assert values(date="gt2023-11-16T00:00:00.000+08:00") == [70.0]
    assert values(date=["ge2023-11-15", "le2023-11-15"]) == [36.1]
    assert values(date="sa2023-11-16") == values(date="eb2023-11-15") == []


def test_pages_of_any_size_hold_every_observation_once(bench: ApiBench) -> None:
    readings = [oximetry(seq) if seq % 2 else reading(seq, "temperature", T0_MS + seq, temperature_c=36.0)
                for seq in range(1, 8)]  # fmt: skip
    bench.ledger.readings(*readings)
    whole = entries(bench, "Observation", subject="r-1001")
    assert len(whole) == 4 * 3 + 3
    for size in (1, 2, 4, 15, 16):
        assert entries(bench, "Observation", subject="r-1001", _count=size) == whole


def test_every_observation_can_be_read_by_its_id(bench: ApiBench) -> None:
    bench.ledger.readings(oximetry(2**53 - 1, T0_MS), oximetry(1, T0_MS))
    for resource in entries(bench, "Observation", subject="r-1001"):
        answer = bench.get(f"/fhir/Observation/{resource['id']}")
        assert answer.json() == resource
        Observation.model_validate_json(answer.text)


def test_what_was_corrected_is_not_served_as_current(bench: ApiBench) -> None:
    wrong = oximetry(1, T0_MS, resident="r-2", spo2_pct=88.0)
    bench.ledger.readings(wrong)
    (before,) = entries(bench, "Observation", subject="r-2", code="59408-5")
    bench.ledger.readings(
        {**wrong, "seq": 2, "resident": "r-1001", "corrects": {"stream": STREAM, "seq": 1, "resident": "r-2"}}
    )
    assert entries(bench, "Observation", subject="r-2") == []
    (now,) = entries(bench, "Observation", subject="r-1001", code="59408-5")
    assert (now["status"], now["valueQuantity"]["value"]) == ("corrected", 88.0)
    assert bench.get(f"/fhir/Observation/{before['id']}").json()["status"] == "entered-in-error"
    assert bench.get("/api/v1/residents/r-2/latest").json()["readings"] == []
    assert bench.get("/api/v1/residents/r-2/readings").json()["readings"] == []
    (latest,) = bench.get("/api/v1/residents/r-1001/latest").json()["readings"]
    assert (latest["seq"], latest["values"]["spo2_pct"]) == (2, 88.0)


def test_exams_are_imaging_studies(bench: ApiBench) -> None:
    bench.ledger.readings(
        exam(
            1, "1.2.3", "1.2.3.1.1", exam_t=T0_MS - 60_000, body_part="LIVER", manufacturer="Acme", model="U1"
        ),
        exam(2, "1.2.3", "1.2.3.1.2"),
        exam(3, "1.2.3", "1.2.3.1.1"),  # issued again
        exam(4, "1.2.4", "1.2.4.1.1", T0_MS + 1000, accession_number="A-7"),
        exam(5, "1.2.5", "1.2.5.1.1", resident="r-2"),
    )
    newest, older = entries(bench, "ImagingStudy", subject="Patient/r-1001")
    ImagingStudy.model_validate(newest)
    assert (newest["id"], newest["started"]) == ("1.2.4", "2023-11-15T06:13:21+08:00")
    assert newest["identifier"] == [
        {"system": "urn:dicom:uid", "value": "urn:oid:1.2.4"},
        {"system": "urn:x-cunmai:accession", "value": "A-7"},
    ]
    assert (older["id"], older["started"]) == ("1.2.3", "2023-11-15T06:12:20+08:00")
    assert (older["numberOfSeries"], older["numberOfInstances"]) == (1, 2)
    (series,) = older["series"]
    assert [instance["uid"] for instance in series["instance"]] == ["1.2.3.1.1", "1.2.3.1.2"]
    assert series["instance"][0]["sopClass"]["code"] == "urn:oid:1.2.840.10008.5.1.4.1.1.6.1"
    assert (series["uid"], series["modality"]["code"]) == ("1.2.3.1", "US")
    assert entries(bench, "ImagingStudy", subject="r-1001", _count=1) == [newest, older]
    assert entries(bench, "ImagingStudy", subject="r-1001", date="gt2023-11-15T06:13:20+08:00") == [newest]
    assert bench.get("/fhir/ImagingStudy/1.2.3").json() == older
    assert bench.get("/fhir/ImagingStudy/1.2.9").status_code == 404


def test_a_site_is_never_seen_by_the_token_of_another(bench: ApiBench) -> None:
    bench.ledger.readings(oximetry(1, T0_MS), exam(2, "1.2.3", "1.2.3.1"))
    (known, *_) = entries(bench, "Observation", subject="r-1001")
    other, own = bench.token("clinic-02", "town-*"), bench.token("clinic-0*")
    for path in (f"/fhir/Observation/{known['id']}", "/fhir/ImagingStudy/1.2.3"):
        assert bench.get(path, other).status_code == 404
        assert bench.get(path, own).status_code == 200
    for path in ("/fhir/Observation?subject=r-1001", "/fhir/ImagingStudy?subject=r-1001"):
        assert "entry" not in bench.get(path, other).json()
        assert "entry" in bench.get(path, own).json()
    for path in ("/api/v1/residents/r-1001/latest", "/api/v1/residents/r-1001/readings"):
        assert bench.get(path, other).json()["readings"] == []
        assert len(bench.get(path, own).json()["readings"]) == 2
