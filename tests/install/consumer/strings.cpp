// Somebody's program that does not call malloc or operator new itself: only its libraries do, for it.
// consumer_test.py links it with the archive, and looks whether talc has served them.
#include <string>

static std::string joined(int words) {
  std::string text;
  for (int i = 0; i < words; ++i) {
    text.append(100, 'x');
  }
  return text;
}

int main(int argc, char** /*argv*/) { return joined(1000 * argc).empty() ? 1 : 0; }
