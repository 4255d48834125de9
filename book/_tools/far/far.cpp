// A second device for torch that needs no hardware: its memory is the host's, and the host computes.
//
// What a GPU refuses is refused here too: tensors of two devices in one operation, .numpy() of a
// tensor that is not on the CPU (torch itself does that), a generator of another device. far_device.py
// builds and loads this. Left out: streams, events, generators of this device, autocast.

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/ops/as_strided_cpu_dispatch.h>
#include <ATen/ops/set_cpu_dispatch.h>
#include <ATen/ops/unfold_cpu_dispatch.h>
#include <ATen/ops/view_cpu_dispatch.h>
#include <c10/core/Allocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <cstdlib>
#include <cstring>
#include <unordered_map>

namespace {

constexpr auto FAR = c10::DeviceType::PrivateUse1;
const c10::Device DEVICE(FAR, 0);

struct Memory final : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) override {
    void* data = bytes ? std::malloc(bytes) : nullptr;
    TORCH_CHECK(data || !bytes, "out of memory: ", bytes, " bytes");
    return {data, data, &std::free, DEVICE};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &std::free; }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }
};
Memory memory;
REGISTER_ALLOCATOR(FAR, &memory);

// One device, one stream, nothing to wait for.
struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return FAR; }
  c10::Device exchangeDevice(c10::Device) const override { return DEVICE; }
  c10::Device getDevice() const override { return DEVICE; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device) const override { return c10::Stream(c10::Stream::DEFAULT, DEVICE); }
  c10::Stream exchangeStream(c10::Stream) const override { return getStream(DEVICE); }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard);

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(c10::DeviceIndex) const override {}
  bool isPinnedPtr(const void*) const override { return false; }
  c10::Allocator* getPinnedMemoryAllocator() const override { return c10::GetAllocator(c10::kCPU); }
};
const bool hooked = [] {
  at::RegisterPrivateUse1HooksInterface(new Hooks);
  return true;
}();

// The same numbers as a tensor of the CPU. Writing into it writes into the other.
at::Tensor here(const at::Tensor& tensor) {
  const auto options = tensor.options().device(at::kCPU);
  if (!tensor.numel()) return at::empty_strided(tensor.sizes(), tensor.strides(), options);
  auto keep = tensor.storage();
  return at::from_blob(tensor.data_ptr(), tensor.sizes(), tensor.strides(), [keep](void*) {}, options);
}

// And back. The storage of the CPU's tensor lives as long as this one.
c10::Storage there(const at::Tensor& tensor) {
  auto* keep = new c10::Storage(tensor.storage());
  auto drop = [](void* kept) { delete static_cast<c10::Storage*>(kept); };
  c10::DataPtr data(tensor.numel() ? tensor.storage().mutable_data() : nullptr, keep, drop, DEVICE);
  return c10::Storage(c10::Storage::use_byte_size_t(), tensor.storage().nbytes(), std::move(data), &memory, true);
}

void adopt(c10::TensorImpl* impl, const at::Tensor& tensor) {
  impl->set_storage_keep_dtype(there(tensor));
  impl->set_sizes_and_strides(tensor.sizes(), tensor.strides(), tensor.storage_offset());
}

at::Tensor wrapped(const at::Tensor& tensor) {
  auto result = at::detail::make_tensor<c10::TensorImpl>(
      there(tensor), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), tensor.dtype());
  adopt(result.unsafeGetTensorImpl(), tensor);
  return result;
}

// The arguments of one operation, seen from the CPU.
struct Call {
  const std::string& name;
  std::unordered_map<c10::TensorImpl*, at::Tensor> originals;  // by their counterpart on the CPU

  at::Tensor take(const at::Tensor& tensor, bool is_index) {
    if (!tensor.defined()) return tensor;
    if (tensor.device().type() == FAR) {
      auto counterpart = here(tensor);
      originals.emplace(counterpart.unsafeGetTensorImpl(), tensor);
      return counterpart;
    }
    // As on a GPU: a single number may come from the CPU, and so may indices.
    TORCH_CHECK(tensor.dim() == 0 || is_index, "Expected all tensors to be on the same device, but ",
                name, " got one on ", tensor.device(), " of shape ", tensor.sizes(), " beside ", DEVICE);
    return tensor;
  }

  at::Tensor give(const at::Tensor& tensor) {
    if (!tensor.defined()) return tensor;
    auto known = originals.find(tensor.unsafeGetTensorImpl());
    return known == originals.end() ? wrapped(tensor) : known->second;
  }

  // What an operation has resized is resized there too.
  void write_back() {
    for (auto& [impl, original] : originals) {
      auto counterpart = at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim_copy(impl));
      const bool same = counterpart.sizes() == original.sizes() &&
          (!counterpart.numel() || counterpart.data_ptr() == original.data_ptr());
      if (!same) adopt(original.unsafeGetTensorImpl(), counterpart);
    }
  }
};

void fallback(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto& schema = op.schema();
  Call call{schema.name()};
  std::vector<at::Tensor> alive;  // counterparts, until all is written back
  const auto count = schema.arguments().size();
  for (size_t i = 0; i < count; ++i) {
    auto& value = torch::jit::peek(*stack, i, count);
    const bool is_index = schema.arguments()[i].name() == "indices" && call.name.find("index") != std::string::npos;
    auto take = [&](const at::Tensor& tensor) {
      alive.push_back(call.take(tensor, is_index));
      return alive.back();
    };
    if (value.isTensor()) {
      value = take(value.toTensor());
    } else if (value.isTensorList()) {
      c10::List<at::Tensor> taken;
      for (const at::Tensor& tensor : value.toTensorVector()) taken.push_back(take(tensor));
      value = taken;
    } else if (value.isOptionalTensorList()) {
      c10::List<std::optional<at::Tensor>> taken;
      for (const auto& entry : value.toOptionalTensorVector())
        taken.push_back(entry ? std::optional(take(*entry)) : std::nullopt);
      value = taken;
    } else if (value.isDevice()) {
      value = c10::IValue(c10::Device(at::kCPU));
    } else if (value.isGenerator()) {
      TORCH_CHECK(!value.toGenerator().defined(), "Expected a 'far' device type for generator but found '",
                  value.toGenerator().device(), "' in ", call.name);
    }
  }
  op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);
  call.write_back();
  const auto returned = schema.returns().size();
  for (size_t i = 0; i < returned; ++i) {
    auto& value = torch::jit::peek(*stack, i, returned);
    if (value.isTensor()) {
      value = call.give(value.toTensor());
    } else if (value.isTensorList()) {
      c10::List<at::Tensor> given;
      for (const at::Tensor& tensor : value.toTensorVector()) given.push_back(call.give(tensor));
      value = given;
    }
  }
}

at::Tensor empty(c10::IntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                 std::optional<at::Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  const auto options = at::TensorOptions().dtype(c10::dtype_or_default(dtype));
  return wrapped(at::empty(size, options, format));
}

at::Tensor empty_strided(c10::IntArrayRef size, c10::IntArrayRef stride, std::optional<at::ScalarType> dtype,
                         std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
  return wrapped(at::empty_strided(size, stride, at::TensorOptions().dtype(c10::dtype_or_default(dtype))));
}

at::Tensor on_cpu(const at::Tensor& tensor) { return tensor.device().type() == FAR ? here(tensor) : tensor; }

at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool) {
  on_cpu(to).copy_(on_cpu(from));
  return to;
}

at::Tensor copy_from_and_resize(const at::Tensor& from, const at::Tensor& to) {
  to.resize_(from.sizes());
  return copy_from(from, to, false);
}

at::Tensor& set_parts(at::Tensor& result, at::Storage storage, int64_t offset, c10::IntArrayRef size,
                      c10::IntArrayRef stride) {
  return at::cpu::set_(result, storage, offset, size, stride);
}

int64_t attention_by_hand(const at::Tensor&, const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                          double, bool, std::optional<double>, bool) {
  return 0;  // SDPBackend::math
}

}  // namespace

TORCH_LIBRARY_IMPL(_, PrivateUse1, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&fallback>()); }

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("empty.memory_format", &empty);
  m.impl("empty_strided", &empty_strided);
  m.impl("as_strided", [](const at::Tensor& tensor, c10::IntArrayRef size, c10::IntArrayRef stride,
                          std::optional<int64_t> offset) { return at::cpu::as_strided(tensor, size, stride, offset); });
  m.impl("view", [](const at::Tensor& tensor, c10::IntArrayRef size) { return at::cpu::view(tensor, size); });
  m.impl("_reshape_alias", [](const at::Tensor& tensor, c10::IntArrayRef size, c10::IntArrayRef stride) {
    return at::cpu::as_strided(tensor, size, stride, tensor.storage_offset());
  });
  m.impl("unfold", [](const at::Tensor& tensor, int64_t dim, int64_t size, int64_t step) {
    return at::cpu::unfold(tensor, dim, size, step);
  });
  m.impl("_copy_from", &copy_from);
  m.impl("_copy_from_and_resize", &copy_from_and_resize);
  m.impl("set_.source_Storage", [](at::Tensor& result, at::Storage from) -> at::Tensor& {
    return at::cpu::set_(result, from);
  });
  m.impl("set_.source_Tensor", [](at::Tensor& result, const at::Tensor& from) -> at::Tensor& {
    return at::cpu::set_(result, from);
  });
  m.impl("set_.source_Storage_storage_offset", &set_parts);
  m.impl("_fused_sdp_choice", &attention_by_hand);
}
