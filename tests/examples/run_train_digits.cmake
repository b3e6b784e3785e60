# Runs train_digits as a user would, and looks at exit codes, messages and files.
# cmake -DPROGRAM=<train_digits> -DFOLDER=<a folder to work in> -P run_train_digits.cmake
cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE "${FOLDER}")
file(MAKE_DIRECTORY "${FOLDER}")

# run(<expected exit code> <arguments>...): sets out and err.
function(run expected)
  execute_process(COMMAND "${PROGRAM}" ${ARGN} WORKING_DIRECTORY "${FOLDER}"
                  RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  if(NOT code STREQUAL expected)
    message(FATAL_ERROR "train_digits ${ARGN}: exit code ${code}, not ${expected}\n${output}${errors}")
  endif()
  set(out "${output}" PARENT_SCOPE)
  set(err "${errors}" PARENT_SCOPE)
endfunction()

function(expect text pattern)
  if(NOT text MATCHES "${pattern}")
    message(FATAL_ERROR "no '${pattern}' in:\n${text}")
  endif()
endfunction()

function(expect_one_line text)
  if(NOT text MATCHES "^train_digits: [^\n]+\n$")
    message(FATAL_ERROR "not one line that begins with the program's name:\n${text}")
  endif()
endfunction()

function(expect_files folder)
  foreach(name IN LISTS ARGN)
    set(file "${FOLDER}/${folder}/${name}")
    if(NOT EXISTS "${file}")
      message(FATAL_ERROR "${file} was not written")
    endif()
    file(SIZE "${file}" size)
    if(size EQUAL 0)
      message(FATAL_ERROR "${file} is empty")
    endif()
  endforeach()
endfunction()

set(data_files training.csv training.gp confusion.csv confusion.gp samples.csv samples_pixels.csv samples_labels.csv
               samples.gp graph.dot)

# The training reaches its accuracy, says what it did, and writes every figure that it can draw.
run(0 --quick --output drawn)
expect("${out}" "7510")
expect("${out}" "Training on 1437 samples, testing on 360")
expect("${out}" "epoch 100/100  loss [0-9.]+  accuracy [0-9.]+  validation: loss [0-9.]+  accuracy 0\\.9[6-9]")
expect("${out}" "Test accuracy 9[6-9]\\.[0-9][0-9] %")
string(ASCII 27 escape)
if(out MATCHES "\r|${escape}" OR NOT err STREQUAL "")
  message(FATAL_ERROR "output for a terminal, or complaints:\n${out}${err}")
endif()
expect_files(drawn ${data_files} report.html)
find_program(GNUPLOT gnuplot)
if(GNUPLOT)
  expect_files(drawn training.svg training.png confusion.svg confusion.png samples.svg samples.png)
endif()
find_program(DOT dot)
if(DOT)
  expect_files(drawn graph.svg graph.png)
endif()

# Without gnuplot and Graphviz: the same data, no pictures, and a word about what to install. The folder's name is one
# that a shell would take apart.
set(path "$ENV{PATH}")
set(ENV{PATH} "${FOLDER}")
execute_process(COMMAND "${PROGRAM}" --quick --output "odd name '$(touch hazard)" WORKING_DIRECTORY "${FOLDER}"
                RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE err)
set(ENV{PATH} "${path}")
if(NOT code EQUAL 0)
  message(FATAL_ERROR "exit code ${code}\n${out}${err}")
endif()
expect("${out}" "gnuplot is not installed[^\n]*apt install gnuplot-nox")
expect("${out}" "dot is not installed[^\n]*apt install graphviz")
set(plain "odd name '$(touch hazard)")
expect_files("${plain}" ${data_files} report.html)
file(GLOB pictures "${FOLDER}/${plain}/*.svg" "${FOLDER}/${plain}/*.png")
if(pictures)
  message(FATAL_ERROR "drawn without a program to draw: ${pictures}")
endif()

# The two runs are the same, bit for bit, apart from their speed.
foreach(name confusion.csv samples.csv graph.dot)
  file(READ "${FOLDER}/drawn/${name}" first)
  file(READ "${FOLDER}/${plain}/${name}" second)
  if(NOT first STREQUAL second)
    message(FATAL_ERROR "two runs differ in ${name}")
  endif()
endforeach()

# Drawing into a folder of such a name, too.
run(1 --quick --epochs 1 --learning-rate 0 --output "${plain}")
expect("${err}" "^train_digits: 96 % were to be reached")
if(GNUPLOT)
  expect_files("${plain}" training.png confusion.png samples.png)
endif()
if(EXISTS "${FOLDER}/hazard" OR EXISTS "${FOLDER}/${plain}/hazard")
  message(FATAL_ERROR "a shell has seen the folder's name")
endif()

# --no-plots writes data alone, without remarks.
run(1 --quick --epochs 1 --learning-rate 0 --no-plots --output data_only)
expect_files(data_only ${data_files})
file(GLOB pictures "${FOLDER}/data_only/*.svg" "${FOLDER}/data_only/*.png")
if(pictures OR out MATCHES "installed")
  message(FATAL_ERROR "--no-plots: ${pictures}\n${out}")
endif()

# A bad option is one clear line, and exit code 2.
foreach(bad "--nonsense" "--epochs=0" "--epochs=many" "--epochs=-3" "--epochs=2.5" "--batch-size=0" "--hidden=0" "--learning-rate=-1"
            "--momentum=1" "--learning-rate=nan" "--seed=x" "--output" "stray")
  run(2 ${bad})
  expect_one_line("${err}")
  string(REGEX REPLACE "=.*" "" option "${bad}")
  expect("${err}" "${option}")
  expect("${out}" "^$")
endforeach()

# An output folder that cannot be made is told at once.
file(WRITE "${FOLDER}/in_the_way" "")
run(1 --output in_the_way)
expect_one_line("${err}")
expect("${err}" "in_the_way")
expect("${out}" "^$")

run(0 --help)
foreach(option epochs batch-size hidden learning-rate momentum weight-decay seed output no-plots quick)
  expect("${out}" "--${option} [^-]*[A-Z][a-z ]+")
endforeach()
