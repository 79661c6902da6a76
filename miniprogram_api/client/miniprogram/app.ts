App({
  onLaunch() {
    wx.onNetworkStatusChange?.(({ isConnected }) => {
      if (!isConnected) void wx.showToast({ title: "网络已断开", icon: "none" });
    });
  },
});
