// Runs a program and collects what it wrote and how it ended.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace subprocess {

struct Outcome {
  std::string out;
  std::string err;
  int wait_status = 0;
  bool timed_out = false;

  bool exited_with(int code) const;
  bool killed_by(int signal) const;
  // For the message of a failed expectation.
  std::string describe() const;
};

struct Conditions {
  // Added to the environment; a value of "" removes the variable.
  std::map<std::string, std::string> environment = {};
  std::string folder = {};  // where it runs; empty: here
  bool closed_stderr = false;
  unsigned seconds = 60;  // then it is killed
};

// Ensures: the program and its children that hold its output have ended, or it timed out.
Outcome run(const std::vector<std::string>& command, const Conditions& conditions = {});

// The same with talc preloaded.
Outcome run_under_talc(const std::vector<std::string>& command, Conditions conditions = {});

// The folders of the build, in which the libraries are, and of the sources.
std::string build_folder();
std::string source_folder();

// The paths of a program of tests/interpose/programs, and of the two libraries.
std::string program(const std::string& name);
std::string library();
std::string hardened_library();

}  // namespace subprocess
