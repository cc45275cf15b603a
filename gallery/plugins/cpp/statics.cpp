// A library with statics of every kind that lives longer than a call.

#include <map>
#include <string>

namespace {

// Made by a constructor of the library.
std::string prefix = "a prefix that is too long to be stored inside of the string itself, ";

// Made by the first call, and destroyed as the library goes.
std::map<int, std::string> &answers() {
    static std::map<int, std::string> answers;
    return answers;
}

// Destroyed as its thread ends.
thread_local std::string last;

}  // namespace

// Would be unique in the process if it were exported. But rustc exports no symbol of C++.
template <typename T>
struct Counter {
    static inline int count = 0;
};

// Counts its calls, and returns the length of a text.
extern "C" int statics_use(void) {
    int number = ++Counter<int>::count;
    last = prefix + std::to_string(number);
    answers()[number] = last;
    return static_cast<int>(answers()[number].size());
}
