"""What is sent to a backend, which may be a server, names no segment; what it answers is told with names."""

from medsam2.client import client_protocol


def test_no_segment_id_is_sent_as_it_may_be_a_patients_name(aBenchOn, aVolumeNode, aPhantom, monkeypatch):
    sent, encode = [], client_protocol.encode

    def spy(message):
        sent.append(encode(message))
        return sent[-1]

    monkeypatch.setattr(client_protocol, "encode", spy)
    volume = aVolumeNode(aPhantom.volume.voxels, aPhantom.volume.geometry.ijk_to_ras)
    bench = aBenchOn(volume, aPhantom, segments=("DOE_JOHN",))
    bench.click()
    bench.propagate()
    assert bench.mask("DOE_JOHN").any()
    assert len(sent) > 2
    assert b"DOE_JOHN" not in b"".join(bytes(each) for each in sent)


def test_what_a_backend_says_of_a_number_is_told_of_its_segment(aBench):
    aBench.logic.seeding.addPoint(tuple(aBench.centre("liver")), (0.0, 0.0, 1.0), False)
    aBench.press("Propagate")
    aBench.wait(lambda: not aBench.logic.running)
    assert f"'{aBench.segmentId('liver')}' has background points only" in aBench.message
