import shutil
import subprocess

import pytest

from unit.packaging import cmake_lists

STAND_IN = """
set(Slicer_FOUND TRUE)
set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/Use.cmake)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/Config.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/Pack.cmake)
set(BUILD_TESTING ON)
macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY "WITH_GENERIC_TESTS" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(MY_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unknown: ${MY_UNPARSED_ARGUMENTS}")
  endif()
  list(LENGTH MY_SCRIPTS scripts)
  list(LENGTH MY_RESOURCES resources)
  message(STATUS "module ${MY_NAME}: ${scripts} scripts, ${resources} resources, ${MY_WITH_GENERIC_TESTS}")
endmacro()
macro(slicer_add_python_unittest)
  message(STATUS "test ${ARGN}")
endmacro()
"""


@pytest.mark.skipif(not (cmake_lists.ROOT / ".git").exists(), reason="not a git work tree")
def test_every_file_is_installed():
    listed = cmake_lists.listed(cmake_lists.SCRIPTS) + cmake_lists.listed(cmake_lists.RESOURCES)
    assert len(listed) == len(set(listed))
    present = cmake_lists.present()
    assert (sorted(present - set(listed)), sorted(set(listed) - present)) == ([], []), "run 'make lists'"


def test_scripts_are_scripts_and_resources_are_not():
    assert all(name.endswith(".py") for name in cmake_lists.listed(cmake_lists.SCRIPTS))
    assert not [name for name in cmake_lists.listed(cmake_lists.RESOURCES) if name.endswith(".py")]


def test_what_nothing_works_without_is_there():
    scripts, resources = (cmake_lists.listed(each) for each in (cmake_lists.SCRIPTS, cmake_lists.RESOURCES))
    assert {"MedSAM2Slicer.py", "MedSAM2SlicerLib/SegmentEditorEffect.py"} <= set(scripts)
    assert "Logic/medsam2/cli/serve_command.py" in scripts
    assert {"Resources/weights/starter.safetensors", "Resources/models.json"} <= set(resources)


@pytest.mark.skipif(not (shutil.which("cmake") and shutil.which("cc")), reason="needs CMake and a compiler")
def test_cmake_reads_it(tmp_path):
    slicer = tmp_path / "slicer"
    slicer.mkdir()
    (slicer / "SlicerConfig.cmake").write_text(STAND_IN)
    for name in ("Use", "Config", "Pack"):
        (slicer / f"{name}.cmake").write_text("")
    command = ["cmake", "-S", cmake_lists.ROOT, "-B", tmp_path / "build", f"-DSlicer_DIR={slicer}"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    scripts, resources = (
        len(cmake_lists.listed(each)) for each in (cmake_lists.SCRIPTS, cmake_lists.RESOURCES)
    )
    assert f"module MedSAM2Slicer: {scripts} scripts, {resources} resources, TRUE" in done.stdout
    assert "test SCRIPT;MedSAM2Slicer.py" in done.stdout
