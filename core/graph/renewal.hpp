// What a program says to the elementwise operation that it is about to renew.
#pragma once

#include <cstdint>

namespace xgrad::detail {

/// A bit for each input whose elements nobody reads afterwards, so that the result may take them over.
void give_to_renewal(std::uint32_t inputs) noexcept;

}  // namespace xgrad::detail
