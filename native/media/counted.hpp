/* How many instances of a class live: what a test asks for at the end. */
#ifndef MINSHENG_COUNTED_HPP
#define MINSHENG_COUNTED_HPP

#include <atomic>

namespace pj
{

/** A member that counts its owners, instances of T. Any thread. */
template <class T> class Counted
{
public:
    Counted() { ++living(); }
    Counted(const Counted &) { ++living(); }
    ~Counted() { --living(); }

    static int count() { return living(); }

private:
    static std::atomic<int> &living()
    {
        static std::atomic<int> number{0};
        return number;
    }
};

} // namespace pj

#endif
