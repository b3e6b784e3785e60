#!/usr/bin/env bash
# Usage: scripts/check_statics.sh <build folder> | --self-test [compiler]
# What the library keeps for a whole program is never destroyed (static objects of a user's and detached threads use
# it to the very end), and no lock of its own can be held by a thread that a forked child does not have. So its objects
# may not register destructors with the program's end, nor make static objects under a guard, nor take a lock that
# core/array/fork.cpp does not know: this finds those that do, by the functions of the run-time library that they would call.
# Exit code 77: nothing to say for this build.
set -euo pipefail

# object | function | why it may
allowed='
memory_state.cpp  __cxa_thread_atexit  a thread gives back what it has cached; later it goes without
threads.cpp   pthread_mutex_lock   loops_over_fork
blas_call.cpp pthread_mutex_lock   blas_over_fork
notes.cpp     pthread_mutex_lock   notes_over_fork
memory.cpp    pthread_mutex_lock   memory_over_fork
memory_state.cpp  pthread_mutex_lock   memory_over_fork
print.cpp     __cxa_guard_acquire  xtensor numbers its options of a stream at the first print
programs.cpp      pthread_mutex_lock   belongs to one compiled function, which is for one thread at a time
program_node.cpp  pthread_mutex_lock   the same
loader.cpp    pthread_mutex_lock   belongs to one pass of a loader, which stays with the process that began it
'

# check_objects <list of objects> ...: what they may not call, one line each. The headers of iostream register one
# destructor in every object that includes them; it counts its users and closes nothing for those that are left.
check_objects() {
  local list object
  for list in "$@"; do
    while IFS= read -r object; do
      if [[ -n $object ]]; then
        objdump -r "$object" | awk -v object="$object" -v allowed="$allowed" '
          BEGIN {
            count = split(allowed, lines, "\n")
            for (i = 1; i <= count; ++i) if (split(lines[i], part, " ") > 1) may[part[1], part[2]] = 1
            name = object
            sub(/.*\//, "", name)
            sub(/\.o(bj)?$/, "", name)
            advice["__cxa_atexit"] = "a static object with a destructor; use detail::immortal"
            advice["__cxa_guard_acquire"] = "a static object that is made under a guard; use constinit or detail::immortal"
            advice["__cxa_thread_atexit"] = "a thread_local object with a destructor"
            advice["pthread_mutex_lock"] = "a lock that core/array/fork.cpp does not know"
            advice["pthread_rwlock_rdlock"] = advice["pthread_rwlock_wrlock"] = advice["pthread_mutex_lock"]
            advice["pthread_once"] = "std::call_once, which a forked child could find begun"
          }
          NF >= 3 {
            symbol = $3
            sub(/[-+@].*/, "", symbol)
            ++calls[symbol]
          }
          END {
            calls["__cxa_atexit"] -= calls["_ZNSt8ios_base4InitC1Ev"]
            for (symbol in advice)
              if (calls[symbol] > 0 && !((name, symbol) in may)) {
                print object ": " symbol ": " advice[symbol]
                bad = 1
              }
            exit bad
          }' || touch "$marks/found"
      fi
    done < "$list"
  done
}

# check_lists <list> ...: 1 if anything was found; names the static objects that have a guard.
check_lists() {
  local output
  marks=$(mktemp -d)
  output=$(check_objects "$@")
  if [[ -e $marks/found ]]; then
    rm -rf "$marks"
    echo "$output"
    awk -F ': ' '{ print $1 }' <<< "$output" | sort -u | while IFS= read -r object; do
      nm "$object" | sed -n 's/^[0-9a-f]* [a-zA-Z] _ZGV/    guarded there: _Z/p'
    done | if command -v c++filt > /dev/null; then c++filt; else cat; fi
    return 1
  fi
  rm -rf "$marks"
}

check_build() {
  local build=$1
  if grep -q -- '-fsanitize' "$build/CMakeCache.txt"; then
    echo "skipped: sanitizers add calls of their own to every object"
    return 77
  fi
  check_lists "$build"/objects/kernels_*.txt "$build/objects/library.txt"
  echo "no static object of the library is destroyed or guarded, and every lock is known to forks"
}

self_test() {
  local compiler=${1:-c++} folder kind output
  folder=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$folder'" EXIT
  (
    cd "$folder"
    cat > good.cpp << 'EOF'
#include <atomic>
#include <iostream>
#include <string>
const std::string& good() {
  static constinit std::atomic<std::string*> kept{nullptr};
  if (!kept) kept = new std::string("for ever");
  std::cout << *kept;
  return *kept;
}
EOF
    cat > __cxa_atexit.cpp << 'EOF'
#include <iostream>
#include <string>
std::string bad(std::cin ? "a destructor at the end" : "");
EOF
    cat > __cxa_guard_acquire.cpp << 'EOF'
int ask();
int bad() {
  static const int guarded = ask();
  return guarded;
}
EOF
    cat > __cxa_thread_atexit.cpp << 'EOF'
#include <string>
char bad() {
  thread_local std::string mine("a destructor at the thread's end");
  return mine[0];
}
EOF
    cat > pthread_mutex_lock.cpp << 'EOF'
#include <mutex>
std::mutex lock;
void bad() { std::lock_guard<std::mutex> held(lock); }
EOF
    cp pthread_mutex_lock.cpp notes.cpp
    for kind in good notes __cxa_atexit __cxa_guard_acquire __cxa_thread_atexit pthread_mutex_lock; do
      "$compiler" -std=c++20 -O2 -fPIC -c "$kind.cpp" -o "$kind.cpp.o"
      echo "$kind.cpp.o" > "$kind.txt"
    done
    check_lists good.txt notes.txt || { echo "good objects were refused"; exit 1; }
    for kind in __cxa_atexit __cxa_guard_acquire __cxa_thread_atexit pthread_mutex_lock; do
      if output=$(check_lists good.txt "$kind.txt"); then
        echo "$kind was not caught"
        exit 1
      fi
      if [[ $output != "$kind.cpp.o: $kind: "* ]]; then
        echo "the report does not name the object and what it calls: $output"
        exit 1
      fi
    done
    if [[ $(check_lists __cxa_guard_acquire.txt) != *'guarded there: bad()::guarded'* ]]; then
      echo "the report does not name the static object"
      exit 1
    fi
    echo "a destructor at the end, a guard, a thread's destructor and an unknown lock were caught, and nothing else"
  )
}

case ${1:-} in
  --self-test) self_test "${2:-}" ;;
  '')
    echo "usage: scripts/check_statics.sh <build folder> | --self-test [compiler]" >&2
    exit 2
    ;;
  *) check_build "$1" ;;
esac
